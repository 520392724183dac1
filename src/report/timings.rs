//! `--timings`: where a run's time went. Pure: stamps in, text out.

use std::fmt::Write as _;

use crate::model::Timeline;

/// The phases of a run that ends at `end`, a line each, and what pnl itself took. Empty where
/// nothing was stamped.
#[must_use]
pub fn text(timeline: &Timeline, end: u64) -> String {
    let phases = timeline.phases(end);
    let mut text = String::new();
    if phases.is_empty() {
        return text;
    }
    text.push_str("timings:                       took         until\n");
    for phase in phases {
        let whose = if phase.is_own { "  pnl's own" } else { "" };
        let (took, until) = (milliseconds(phase.took), milliseconds(phase.until));
        let _ = writeln!(text, "  {:22} {took:>10} {until:>13}{whose}", phase.name);
    }
    if let Some(own) = timeline.own_before_tests() {
        let _ = writeln!(text, "before the first test pnl took {} of its own", milliseconds(own));
    }
    if let Some(after) = timeline.after_tests(end) {
        let _ = writeln!(text, "from the last tear-down to the end: {}", milliseconds(after));
    }
    text
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.1} ms", microseconds as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_phase() {
        let timeline = Timeline {
            began: Some(1_000),
            launched: Some(9_250),
            first_start: Some(400_000),
            torn_down: Some(9_000_000),
            ..Timeline::default()
        };
        insta::assert_snapshot!(text(&timeline, 9_040_000), @r"
        timings:                       took         until
          start                      8.2 ms        8.2 ms  pnl's own
          hand over                390.8 ms      399.0 ms  pnl's own
          tear-down               8600.0 ms     8999.0 ms
          exit                      40.0 ms     9039.0 ms  pnl's own
        before the first test pnl took 399.0 ms of its own
        from the last tear-down to the end: 40.0 ms
        ");
        assert_eq!(text(&Timeline::default(), 5), "");
    }
}
