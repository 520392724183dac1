//! Lengths of time as people write them.

use std::time::Duration;

/// A number with an optional unit, seconds without one: `60`, `0.5`, `500ms`, `90s`, `10m`, `24h`,
/// `1d`, `2w`. `None` for anything else.
#[must_use]
pub fn span(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
}
