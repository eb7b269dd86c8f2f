//! The part of the command line that is about GPUs.

use clap::{Args, ValueEnum};
#[cfg(unix)]
use std::path::PathBuf;

/// Which GPUs, and how they are shared.
#[derive(Args, Clone)]
pub struct GpuArgs {
    /// GPUs to use: all that there are, or those of these numbers or UUIDs. Numbers are the driver's, which
    /// counts what CUDA_VISIBLE_DEVICES leaves visible; batch systems set that
    #[arg(long, value_name = "auto|0,1|UUID,..", default_value = "auto", value_parser = parse_gpus)]
    pub gpus: GpusArg,
    /// Worker processes of each GPU. `auto` has 10 for blocks of up to 4 wires, 8 for 5, 4 for 6, 2 for 7
    /// and 1 for wider ones, and never more than there are cores or free memory for
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = parse_per_gpu)]
    pub workers_per_gpu: PerGpuArg,
    /// Whether workers share a GPU through NVIDIA's MPS
    #[arg(long, value_enum, default_value_t = MpsArg::Auto)]
    pub mps: MpsArg,
}

/// GPUs by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpusArg {
    /// All of them.
    Auto,
    /// Numbers and UUIDs as they were typed.
    These(Vec<String>),
}

/// Workers of each GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerGpuArg {
    /// By block size, memory and cores.
    Auto,
    /// So many.
    Count(u16),
}

/// Whether to use MPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MpsArg {
    /// A daemon that runs is used, and never stopped. Otherwise one is started for each GPU that has several
    /// workers; if that fails, one worker has the GPU alone
    Auto,
    /// Workers take turns on their GPU, even if a daemon runs
    Off,
    /// As auto, for one worker too, and an error if it fails or there is no GPU
    Require,
}

/// What makes a worker one of a certain place.
#[cfg(unix)]
#[derive(Args)]
pub struct PlaceArgs {
    /// Compute on the GPU of this UUID
    #[arg(long, hide = true, value_name = "UUID")]
    pub gpu: Option<String>,
    /// Workers that share that GPU, this one included
    #[arg(long, hide = true, value_name = "N", requires = "gpu", default_value_t = 1)]
    pub sharers: usize,
    /// Compute on the CPU under the name of this engine
    #[arg(long, hide = true, value_name = "ENGINE", conflicts_with = "gpu")]
    pub in_place_of: Option<String>,
    /// Tell which GPUs there are, and end
    #[arg(long, hide = true, conflicts_with_all = ["gpu", "in_place_of"])]
    pub probe: bool,
}

/// What a guard of an MPS daemon gets.
#[cfg(unix)]
#[derive(Args)]
pub struct MpsGuardArgs {
    /// Where the daemon is reached
    pub folder: PathBuf,
    /// The GPU that it is for
    pub uuid: String,
}

fn parse_gpus(text: &str) -> Result<GpusArg, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_string()).collect();
    match text {
        "auto" => Ok(GpusArg::Auto),
        _ if names.iter().any(String::is_empty) => {
            Err(format!("`{text}` names no GPUs; write auto, or numbers or UUIDs with commas between them"))
        }
        _ => Ok(GpusArg::These(names)),
    }
}

fn parse_per_gpu(text: &str) -> Result<PerGpuArg, String> {
    match (text, text.parse::<u16>()) {
        ("auto", _) => Ok(PerGpuArg::Auto),
        // MPS takes no more clients than that from Volta on.
        (_, Ok(n @ 1..=48)) => Ok(PerGpuArg::Count(n)),
        _ => Err(format!("`{text}` is no number of workers; write auto or a number from 1 to 48")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_named_by_number_or_uuid() {
        assert_eq!(parse_gpus("auto"), Ok(GpusArg::Auto));
        assert_eq!(parse_gpus("0, GPU-1a"), Ok(GpusArg::These(vec!["0".into(), "GPU-1a".into()])));
        assert!(parse_gpus("").is_err() && parse_gpus("0,,1").is_err());
        assert_eq!(parse_per_gpu("4"), Ok(PerGpuArg::Count(4)));
        assert!(["0", "49", "-1", "all"].iter().all(|text| parse_per_gpu(text).is_err()));
    }
}
