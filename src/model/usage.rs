//! What a worker used of the machine.

/// Measured by the worker itself at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Seconds of CPUs, in its process and those that it began, that it used or waited for because
    /// others had them.
    pub cpu: f64,
    /// Seconds that it did not wait for the controller.
    pub busy: f64,
    /// Bytes that it needs beside what files are mapped, with the processes that it began.
    pub memory: u64,
}

impl Usage {
    /// Two workers, or two runs: their times together, and the greater memory.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let memory = self.memory.max(other.memory);
        Self { cpu: self.cpu + other.cpu, busy: self.busy + other.busy, memory }
    }
}
