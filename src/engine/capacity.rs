//! How many workers a machine can bear.

use std::path::Path;

/// Memory that a worker is reckoned to need. Receipt: a forked worker of a 65 MB template adds
/// 15 MB of its own; a spawned one with a browser's driver 200 to 300 MB.
const BYTES_A_WORKER: u64 = 256 << 20;

/// What a machine offers this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Logical CPUs that this process may use (its affinity).
    pub cpus: usize,
    /// CPUs by the control group's quota, where there is one.
    pub quota: Option<f64>,
    /// Bytes of memory that are free to use, where the system tells.
    pub memory: Option<u64>,
}

impl Machine {
    /// Looks at this machine.
    #[must_use]
    pub fn detect() -> Self {
        let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok();
        Self {
            // The standard library heeds affinity, and on Linux the quota too, rounded down.
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            quota: read("/sys/fs/cgroup/cpu.max").as_deref().and_then(parse_quota),
            memory: read("/proc/meminfo").as_deref().and_then(parse_available),
        }
    }
}

/// `auto`: half of the CPUs rounded up, less where a quota or memory allows less, at least 1.
#[must_use]
pub fn workers_for(machine: Machine) -> usize {
    let by_cpu = machine.cpus.div_ceil(2);
    let by_quota = machine.quota.map_or(usize::MAX, |quota| quota.ceil() as usize);
    let by_memory = machine.memory.map_or(u64::MAX, |bytes| bytes / BYTES_A_WORKER);
    by_cpu.min(by_quota).min(usize::try_from(by_memory).unwrap_or(usize::MAX)).max(1)
}

/// `200000 100000` is two CPUs; `max 100000` is no quota.
fn parse_quota(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (period > 0.0).then(|| quota / period)
}

fn parse_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_cpus_unless_quota_or_memory_allow_less() {
        let machine = Machine { cpus: 7, quota: None, memory: None };
        assert_eq!(workers_for(machine), 4);
        assert_eq!(workers_for(Machine { quota: Some(1.5), ..machine }), 2);
        assert_eq!(workers_for(Machine { memory: Some(600 << 20), ..machine }), 2);
        assert_eq!(workers_for(Machine { memory: Some(1), ..machine }), 1);
        assert_eq!(workers_for(Machine { cpus: 1, ..machine }), 1);
    }

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(parse_quota("150000 100000\n"), Some(1.5));
        assert_eq!(parse_quota("max 100000\n"), None);
        assert_eq!(parse_available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
    }
}
