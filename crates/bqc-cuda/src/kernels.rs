//! The PTX that is committed, and which of it a device gets. `ptx/` in this crate is a link to that of the kernels, so
//! that a package of the crate has the files.

use crate::{CudaError, DeviceInfo, Version};

/// The least compute capability: that of the oldest PTX that is committed.
pub const LEAST_CAPABILITY: Version = Version::new(8, 0);

/// The least that a driver must support: CUDA 11.0 reads the instruction set of that PTX (ISA 7.0).
pub const LEAST_DRIVER: Version = Version::new(11, 0);

/// From these on the second PTX is read: compute capability 9.0, and ISA 7.8, which CUDA 11.8 brought.
const SM_90_CAPABILITY: Version = Version::new(9, 0);
const SM_90_DRIVER: Version = Version::new(11, 8);

/// How a kernel begins.
const ENTRY: &str = ".visible .entry ";

/// Some kernels of one package, for each architecture that it was built for.
#[derive(Clone, Copy, Debug)]
pub struct KernelSet {
    /// The package.
    pub name: &'static str,
    /// Those of its kernels that the driver is given.
    pub kernels: &'static [&'static str],
    /// PTX that every supported device can run.
    pub sm_80: &'static str,
    /// PTX with instructions that came later.
    pub sm_90: &'static str,
}

/// A loop of multiply-adds and a copy: what a device can do at most.
pub const CEILINGS: KernelSet = KernelSet {
    name: "bqc-ceilings",
    kernels: &["copy", "fma_f64", "fma_f32"],
    sm_80: include_str!("../ptx/bqc-ceilings.sm_80.ptx"),
    sm_90: include_str!("../ptx/bqc-ceilings.sm_90.ptx"),
};

/// Whole runs of Levenberg–Marquardt, one a thread block.
pub const LM: KernelSet = KernelSet {
    name: "bqc-kernels",
    kernels: &["bqc_lm_shared", "bqc_lm_global"],
    sm_80: include_str!("../ptx/bqc-kernels.sm_80.ptx"),
    sm_90: include_str!("../ptx/bqc-kernels.sm_90.ptx"),
};

/// Whole runs of sweeps, one a thread block.
pub const SWEEPS: KernelSet = KernelSet { kernels: &["bqc_sweep_shared", "bqc_sweep_global"], ..LM };

impl KernelSet {
    /// The PTX for a device under a driver.
    pub(crate) fn ptx(&self, device: &DeviceInfo, driver: Version) -> Result<&'static str, CudaError> {
        if device.capability < LEAST_CAPABILITY {
            return Err(CudaError::Unsuitable {
                device: device.to_string(),
                found: device.capability,
                needed: LEAST_CAPABILITY,
            });
        }
        let is_newer = device.capability >= SM_90_CAPABILITY && driver >= SM_90_DRIVER;
        Ok(if is_newer { self.sm_90 } else { self.sm_80 })
    }

    /// The PTX without the kernels that are not in this set: the driver compiles all that it is given, and
    /// takes seconds for each.
    pub(crate) fn only(&self, ptx: &str) -> String {
        let mut is_wanted = true;
        let mut text = String::with_capacity(ptx.len());
        for line in ptx.split_inclusive('\n') {
            if let Some(entry) = line.strip_prefix(ENTRY) {
                let name = entry.split('(').next().unwrap_or(entry).trim();
                is_wanted = self.kernels.contains(&name);
            }
            if is_wanted {
                text.push_str(line);
            }
            // A kernel ends with a brace that begins a line.
            is_wanted |= line.starts_with('}');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ComputeMode;

    #[test]
    fn the_driver_is_given_the_kernels_that_are_launched() {
        let names = |ptx: &str| -> Vec<String> {
            ptx.lines().filter_map(|line| Some(line.strip_prefix(ENTRY)?.trim_end_matches('(').into())).collect()
        };
        for set in [LM, SWEEPS, CEILINGS] {
            for ptx in [set.sm_80, set.sm_90] {
                let only = set.only(ptx);
                let mut found = names(&only);
                found.sort();
                let mut wanted = set.kernels.to_vec();
                wanted.sort_unstable();
                assert_eq!(found, wanted);
                // What is before and between the kernels stays, and every line that stays is whole.
                let header: String = ptx.split_inclusive('\n').take_while(|l| !l.starts_with(ENTRY)).collect();
                assert!(only.starts_with(&header));
                assert_eq!(only.matches("\n}\n").count(), wanted.len());
            }
        }
        assert!(names(LM.sm_80).len() > LM.kernels.len(), "a fair test");
        assert!(LM.only(LM.sm_80).len() < LM.sm_80.len());
    }

    #[test]
    fn a_device_gets_the_newest_ptx_that_it_and_its_driver_read() {
        let device = |major, minor| DeviceInfo {
            ordinal: 0,
            uuid: "GPU-0".into(),
            name: "some GPU".into(),
            capability: Version::new(major, minor),
            n_multiprocessors: 1,
            total_bytes: 1,
            block_shared_bytes: 1,
            compute_mode: ComputeMode::Default,
        };
        let target = |major, minor, driver| {
            let ptx = CEILINGS.ptx(&device(major, minor), driver)?;
            Ok(ptx.lines().find_map(|line| line.strip_prefix(".target ")).unwrap())
        };
        let (old, new) = (Version::new(11, 4), Version::new(12, 4));
        assert_eq!(target(8, 0, new), Ok("sm_80"));
        assert_eq!(target(8, 9, new), Ok("sm_80"));
        assert_eq!(target(9, 0, new), Ok("sm_90"));
        assert_eq!(target(9, 0, old), Ok("sm_80"));
        assert_eq!(target(12, 0, new), Ok("sm_90"));
        assert!(matches!(target(7, 5, new), Err(CudaError::Unsuitable { found: Version { major: 7, minor: 5 }, .. })));
    }
}
