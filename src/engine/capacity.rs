//! How many workers a machine can bear.

use std::path::Path;

use crate::model::Usage;

/// Memory that a worker is reckoned to need as long as nothing was measured. Receipt: a forked worker
/// of a 65 MB template adds 15 MB of its own; a spawned one with a browser's driver 200 to 300 MB.
const BYTES_A_WORKER: u64 = 256 << 20;

/// The least that a worker is reckoned to need, whatever was measured: the next run's tests may be
/// others.
const BYTES_AT_LEAST: u64 = 32 << 20;

/// The part of the memory that is left free, for all that is not measured.
const RESERVE: u64 = 8;

/// Tests that need a CPU for less than this part of their time are taken to wait.
const WAITING: f64 = 0.5;

/// Workers for each CPU, however much tests wait: what they wait for (a server, a disk, a database)
/// has its bounds, too.
const MOST_A_CPU: usize = 4;

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

/// What earlier runs of the same tests allow to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Known {
    /// Nothing was measured.
    Nothing,
    /// This was measured, and more workers than CPUs disturb nobody.
    May(Usage),
    /// This was measured, and the tests load a server that is not pnl's to load.
    Shares(Usage),
}

/// How many workers, and why not as many as usual, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// At least 1.
    pub workers: usize,
    /// `tests wait 90% of the time`.
    pub why: Option<String>,
}

impl Machine {
    /// Looks at this machine.
    #[must_use]
    pub fn detect() -> Self {
        let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok();
        let available = read("/proc/meminfo").as_deref().and_then(parse_available);
        let limit = read("/sys/fs/cgroup/memory.max").as_deref().and_then(parse_bytes);
        let used = read("/sys/fs/cgroup/memory.current").as_deref().and_then(parse_bytes);
        let of_group = limit.zip(used).map(|(limit, used)| limit.saturating_sub(used));
        Self {
            // The standard library heeds affinity, and on Linux the quota too, rounded down.
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            quota: read("/sys/fs/cgroup/cpu.max").as_deref().and_then(parse_quota),
            memory: available.into_iter().chain(of_group).min(),
        }
    }

    /// CPUs, as far as a quota allows.
    fn usable(self) -> usize {
        let by_quota = self.quota.map_or(usize::MAX, |quota| quota.ceil() as usize);
        self.cpus.min(by_quota).max(1)
    }
}

/// `auto`: half of the CPUs rounded up, less where a quota allows less; more where tests were seen to
/// wait for something else; never more than there is memory for.
#[must_use]
pub fn workers_for(machine: Machine, known: Known) -> Choice {
    let usual = machine.cpus.div_ceil(2).min(machine.usable());
    let by_cpu = match known {
        Known::May(usage) => by_waiting(machine, usual, usage),
        Known::Nothing | Known::Shares(_) => Choice { workers: usual, why: None },
    };
    let needs = match known {
        Known::Nothing => None,
        Known::May(usage) | Known::Shares(usage) => Some(usage.memory).filter(|&it| it > 0),
    };
    let Some(free) = machine.memory else { return by_cpu };
    let bytes = needs.map_or(BYTES_A_WORKER, |bytes| bytes.max(BYTES_AT_LEAST));
    let by_memory = usize::try_from((free - free / RESERVE) / bytes).unwrap_or(usize::MAX).max(1);
    if by_memory >= by_cpu.workers {
        return by_cpu;
    }
    let why = match needs {
        Some(bytes) => format!("a worker needs {} of memory", in_words(bytes)),
        None => format!("{} of memory are free", in_words(free)),
    };
    Choice { workers: by_memory, why: Some(why) }
}

/// As many as need the usual number of CPUs together.
fn by_waiting(machine: Machine, usual: usize, usage: Usage) -> Choice {
    let share = (usage.cpu / usage.busy).clamp(0.001, 1.0);
    let most = machine.usable() * MOST_A_CPU;
    let workers = ((usual as f64 / share) as usize).min(most);
    if share >= WAITING || workers <= usual {
        return Choice { workers: usual, why: None };
    }
    let waits = ((1.0 - share) * 100.0).floor();
    Choice { workers, why: Some(format!("tests wait {waits}% of the time")) }
}

fn in_words(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1000.0 {
        format!("{megabytes:.0} MB")
    } else {
        format!("{:.1} GB", megabytes / 1000.0)
    }
}

/// `200000 100000` is two CPUs; `max 100000` is no quota.
fn parse_quota(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (period > 0.0).then(|| quota / period)
}

/// `max` is no limit.
fn parse_bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn parse_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine { cpus: 7, quota: None, memory: None };

    fn number(machine: Machine) -> usize {
        workers_for(machine, Known::Nothing).workers
    }

    fn choice(machine: Machine, known: Known) -> (usize, String) {
        let choice = workers_for(machine, known);
        (choice.workers, choice.why.unwrap_or_default())
    }

    fn usage(share: f64, memory: u64) -> Usage {
        Usage { cpu: 20.0 * share, busy: 20.0, memory }
    }

    #[test]
    fn half_the_cpus_unless_quota_or_memory_allow_less() {
        assert_eq!(number(MACHINE), 4);
        assert_eq!(number(Machine { quota: Some(1.5), ..MACHINE }), 2);
        assert_eq!(number(Machine { memory: Some(600 << 20), ..MACHINE }), 2);
        assert_eq!(number(Machine { memory: Some(1), ..MACHINE }), 1);
        assert_eq!(number(Machine { cpus: 1, ..MACHINE }), 1);
    }

    #[test]
    fn tests_that_wait_get_more_workers_up_to_a_bound() {
        let waits = |share| choice(MACHINE, Known::May(usage(share, 0)));
        assert_eq!(waits(1.4), (4, String::new()));
        assert_eq!(waits(0.6), (4, String::new()));
        assert_eq!(waits(0.4), (10, "tests wait 60% of the time".to_owned()));
        assert_eq!(waits(0.0), (28, "tests wait 99% of the time".to_owned()));
        let two = Machine { quota: Some(2.0), ..MACHINE };
        let why = "tests wait 90% of the time".to_owned();
        assert_eq!(choice(two, Known::May(usage(0.1, 0))), (8, why));
    }

    #[test]
    fn a_server_is_not_loaded_with_more_workers() {
        assert_eq!(choice(MACHINE, Known::Shares(usage(0.1, 0))), (4, String::new()));
    }

    #[test]
    fn there_are_never_more_workers_than_there_is_memory_for() {
        let machine = Machine { memory: Some(8_000_000_000), ..MACHINE };
        let why = "a worker needs 2.0 GB of memory".to_owned();
        let large = usage(0.1, 2_000_000_000);
        assert_eq!(choice(machine, Known::May(large)), (3, why.clone()));
        assert_eq!(choice(machine, Known::Shares(large)), (3, why));
        let small = Machine { memory: Some(300 << 20), ..MACHINE };
        assert_eq!(choice(small, Known::Shares(usage(1.0, 40 << 20))), (4, String::new()));
        assert_eq!(choice(small, Known::Nothing), (1, "315 MB of memory are free".to_owned()));
    }

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(parse_quota("150000 100000\n"), Some(1.5));
        assert_eq!(parse_quota("max 100000\n"), None);
        assert_eq!(parse_bytes("4096\n"), Some(4096));
        assert_eq!(parse_bytes("max\n"), None);
        assert_eq!(parse_available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
    }
}
