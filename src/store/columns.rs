//! Numbers as they lie in columns, and back. `SQLite` has integers of 64 bits with a sign and no
//! others; times are whole microseconds.

use crate::model::OutcomeKind;

/// A number as an integer column has it. What does not fit becomes the greatest that does.
pub(super) fn integer(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// An integer column that cannot be negative.
pub(super) fn unsigned(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

/// Seconds as microseconds.
pub(super) fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

/// Microseconds as seconds.
pub(super) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// The outcome of a code, which is its position in [`OutcomeKind::ALL`].
pub(super) fn outcome(code: i64) -> rusqlite::Result<OutcomeKind> {
    usize::try_from(code)
        .ok()
        .and_then(|position| OutcomeKind::ALL.get(position).copied())
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, code))
}
