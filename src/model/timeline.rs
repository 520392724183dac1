//! Where a run's time went, from the command to its end. Pure: stamps in, phases out.

/// Stamps of one run: microseconds on the monotonic clock, which all its processes share. What did
/// not happen, or what nobody stamped, is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The command began.
    pub began: Option<u64>,
    /// pytest's process was started.
    pub launched: Option<u64>,
    /// pytest came to pnl's plugin.
    pub imported: Option<u64>,
    /// The plugin was imported.
    pub loaded: Option<u64>,
    /// pytest was configured, its plugins and first conftests loaded: collection began.
    pub collecting: Option<u64>,
    /// All tests are known, or all files that workers are to collect.
    pub collected: Option<u64>,
    /// The first worker was told to collect a file.
    pub file_given: Option<u64>,
    /// The first file was collected.
    pub file_collected: Option<u64>,
    /// The first test began.
    pub first_start: Option<u64>,
    /// The first result came.
    pub first_result: Option<u64>,
    /// The last result came.
    pub last_result: Option<u64>,
    /// The last worker said that its tear-downs were over.
    pub torn_down: Option<u64>,
    /// The last worker's process had ended.
    pub workers_gone: Option<u64>,
    /// pytest's process had ended.
    pub pytest_gone: Option<u64>,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// What it was about.
    pub name: &'static str,
    /// How long it took, in microseconds.
    pub took: u64,
    /// When it was over, in microseconds since the command.
    pub until: u64,
    /// Whether it was pnl's own doing: without pnl it would not be there.
    pub is_own: bool,
}

impl Timeline {
    /// The parts of a run that ends at `end`, in order. Each begins where the one before it ends;
    /// what was not stamped belongs to the next.
    #[must_use]
    pub fn phases(&self, end: u64) -> Vec<Phase> {
        let Some(began) = self.began else { return Vec::new() };
        let found = if self.file_given.is_some() { "discover" } else { "collect" };
        let stamps = [
            ("start", self.launched, true),
            ("interpreter, pytest", self.imported, false),
            ("pnl's plugin", self.loaded, true),
            ("configure", self.collecting, false),
            (found, self.collected, false),
            ("fork", self.file_given, true),
            ("collect the first file", self.file_collected, false),
            ("hand over", self.first_start, true),
            ("first result", self.first_result, false),
            ("last result", self.last_result, false),
            ("tear-down", self.torn_down, false),
            ("workers' end", self.workers_gone, true),
            ("pytest's end", self.pytest_gone, false),
            ("exit", Some(end), true),
        ];
        let mut last = began;
        let stamped = stamps.into_iter().filter_map(|(name, at, is_own)| Some((name, at?, is_own)));
        stamped
            .map(|(name, at, is_own)| {
                // Messages of several processes can come in another order than they were sent in.
                let at = at.max(last);
                let took = at - std::mem::replace(&mut last, at);
                Phase { name, took, until: at - began, is_own }
            })
            .collect()
    }

    /// Microseconds of pnl's own before the first test, where a test was run.
    #[must_use]
    pub fn own_before_tests(&self) -> Option<u64> {
        let first = self.first_start?.checked_sub(self.began?)?;
        let before = self.phases(self.first_start?);
        Some(before.iter().filter(|it| it.is_own && it.until <= first).map(|it| it.took).sum())
    }

    /// Microseconds from the last tear-down to `end`, where there was one.
    #[must_use]
    pub fn after_tests(&self, end: u64) -> Option<u64> {
        end.checked_sub(self.torn_down?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_begins_where_the_one_before_it_ends() {
        let timeline = Timeline {
            began: Some(100),
            launched: Some(110),
            imported: Some(200),
            loaded: Some(205),
            collecting: Some(300),
            collected: Some(400),
            first_start: Some(420),
            first_result: Some(430),
            last_result: Some(900),
            torn_down: Some(910),
            workers_gone: Some(912),
            pytest_gone: Some(950),
            ..Timeline::default()
        };
        let phases = timeline.phases(960);
        let took: Vec<_> = phases.iter().map(|it| (it.name, it.took)).collect();
        assert_eq!(
            took,
            [
                ("start", 10),
                ("interpreter, pytest", 90),
                ("pnl's plugin", 5),
                ("configure", 95),
                ("collect", 100),
                ("hand over", 20),
                ("first result", 10),
                ("last result", 470),
                ("tear-down", 10),
                ("workers' end", 2),
                ("pytest's end", 38),
                ("exit", 10),
            ]
        );
        assert_eq!(phases.last().map(|it| it.until), Some(860));
        assert_eq!(timeline.own_before_tests(), Some(35));
        assert_eq!(timeline.after_tests(960), Some(50));
    }

    #[test]
    fn what_was_not_stamped_belongs_to_the_next_and_nothing_is_negative() {
        let timeline = Timeline {
            began: Some(100),
            launched: Some(150),
            first_result: Some(120),
            ..Timeline::default()
        };
        let took: Vec<_> = timeline.phases(200).iter().map(|it| (it.name, it.took)).collect();
        assert_eq!(took, [("start", 50), ("first result", 0), ("exit", 50)]);
        assert_eq!(timeline.own_before_tests(), None);
        assert_eq!(Timeline::default().phases(5), []);
    }
}
