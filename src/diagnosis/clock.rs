//! Moments of a run as times of day.

use crate::model::Schedule;

/// `10:31:02–10:31:09 UTC`, from microseconds since the run began.
pub(super) fn window(run: &Schedule, since: u64, until: u64) -> String {
    format!("{}–{} UTC", time(run, since), time(run, until))
}

fn time(run: &Schedule, offset: u64) -> String {
    let start = u64::try_from(run.started_us).unwrap_or(0);
    let seconds = (start + offset) / 1_000_000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_the_day() {
        let run = Schedule { started_us: 1_795_516_260_000_000, ..Schedule::default() };
        assert_eq!(window(&run, 2_000_000, 9_999_999), "10:31:02–10:31:09 UTC");
    }
}
