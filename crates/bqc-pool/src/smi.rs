//! What only `nvidia-smi` tells: the version of the driver's packages, and whether a GPU is divided. It may not be
//! there, and nothing depends on it.

use crate::mps::wait;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

/// It asks all GPUs, of which some may be asleep.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What it says of one GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmiGpu {
    /// As the driver has it: `GPU-…`, the whole device even if it is divided.
    pub uuid: String,
    /// "535.261.03".
    pub driver: String,
    /// Whether the device is divided; none if it cannot be.
    pub is_divided: Option<bool>,
}

/// Asks it; none if it is not there or does not answer.
pub fn smi() -> Option<Vec<SmiGpu>> {
    let mut command = Command::new("nvidia-smi");
    command.args(["--query-gpu=uuid,driver_version,mig.mode.current", "--format=csv,noheader"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let ended = wait(&mut child, ANSWER_WITHIN).ok()?;
    if !ended.is_some_and(|status| status.success()) {
        _ = child.kill();
        _ = child.wait();
        return None;
    }
    let mut text = String::new();
    child.stdout.take()?.read_to_string(&mut text).ok()?;
    Some(text.lines().filter_map(parse).collect())
}

/// One line: three fields with commas between them.
fn parse(line: &str) -> Option<SmiGpu> {
    let [uuid, driver, mig] = line.split(',').map(str::trim).collect::<Vec<_>>().try_into().ok()?;
    let is_divided = match mig {
        "Enabled" => Some(true),
        "Disabled" => Some(false),
        _ => None,
    };
    Some(SmiGpu { uuid: uuid.into(), driver: driver.into(), is_divided })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_nvidia_smi_writes_them() {
        let gpu = parse("GPU-00112233-4455-6677-8899-aabbccddeeff, 535.261.03, Enabled").unwrap();
        assert_eq!((gpu.driver.as_str(), gpu.is_divided), ("535.261.03", Some(true)));
        assert_eq!(parse("GPU-0, 470.1, [N/A]").unwrap().is_divided, None);
        assert_eq!((parse("No devices were found"), parse("")), (None, None));
    }
}
