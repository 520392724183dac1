//! Values that people write: durations, counts, workers, URLs. Every error says what is allowed.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::model::span;

/// A value that cannot be used; the text says what was given and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadValue(pub String);

/// How many workers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerCount {
    /// What the machine can bear.
    Auto,
    /// So many.
    Exactly(NonZeroUsize),
}

/// `auto` or a number of at least 1.
pub fn workers(text: &str) -> Result<WorkerCount, BadValue> {
    if text == "auto" {
        return Ok(WorkerCount::Auto);
    }
    let number = text.parse().ok().and_then(NonZeroUsize::new);
    number.map(WorkerCount::Exactly).ok_or_else(|| {
        BadValue(format!("workers are `auto` or a whole number of at least 1, not {text:?}"))
    })
}

/// A number of rounds: at least 1.
pub fn count(text: &str) -> Result<u32, BadValue> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(BadValue(format!(
            "rounds are a whole number of at least 1, not {text:?} (use --duration for a time)"
        ))),
    }
}

/// A failure rate above 0 and below 1: `5%`, `0.05`.
pub fn rate(text: &str) -> Result<f64, BadValue> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let rate = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|it| it / 100.0),
        None => number(text),
    };
    rate.filter(|rate| *rate > 0.0 && *rate < 1.0).ok_or_else(|| {
        BadValue(format!("a failure rate lies between 0% and 100%, like 5% or 0.05, not {text:?}"))
    })
}

/// A number of failures: at least 1.
pub fn failures(text: &str) -> Result<u64, BadValue> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(BadValue(format!("failures are a whole number of at least 1, not {text:?}"))),
    }
}

/// A time above zero: `60`, `90s`, `10m`, `24h`.
pub fn duration(text: &str) -> Result<Duration, BadValue> {
    match span(text) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(BadValue(format!(
            "a duration is above zero, like 60, 90s, 10m or 24h, not {text:?}"
        ))),
    }
}

/// A time, zero allowed: `0`, `2.5`, `500ms`, `1m`.
pub fn delay(text: &str) -> Result<Duration, BadValue> {
    span(text).ok_or_else(|| {
        BadValue(format!("a delay is zero or more, like 2, 0.5, 500ms or 1m, not {text:?}"))
    })
}

/// A limit of time, zero for none: `30`, `90s`, `10m`, `0`.
pub fn limit(text: &str) -> Result<Duration, BadValue> {
    span(text).ok_or_else(|| {
        BadValue(format!("a limit is like 30, 90s, 10m or 1h, or 0 for none, not {text:?}"))
    })
}

/// A number of further attempts, zero for none.
pub fn retries(text: &str) -> Result<u32, BadValue> {
    text.parse()
        .map_err(|_| BadValue(format!("retries are a whole number of at least 0, not {text:?}")))
}

/// A number of tests: at least 1.
pub fn tests(text: &str) -> Result<u64, BadValue> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(BadValue(format!("tests are a whole number of at least 1, not {text:?}"))),
    }
}

/// Bytes of memory: `512M`, `2G`, `1.5GiB`, or a plain number of bytes; units are powers of 1024.
pub fn memory(text: &str) -> Result<u64, BadValue> {
    let bad = || BadValue(format!("memory is like 512M, 2G or 1.5G, above zero, not {text:?}"));
    let at = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let exponent = match unit.to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(bad()),
    };
    let bytes = number.parse::<f64>().map_err(|_| bad())? * 1024_f64.powi(exponent);
    if (1.0..1e18).contains(&bytes) { Ok(bytes as u64) } else { Err(bad()) }
}

/// An `http` or `https` URL; a trailing slash is cut.
pub fn base_url(text: &str) -> Result<String, BadValue> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.trim_matches('/').is_empty() && !host.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(BadValue(format!(
            "a base URL begins with http:// or https:// and names a host, not {text:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_zero_is_refused() {
        for (text, seconds) in [("60", 60.0), ("90s", 90.0), ("10m", 600.0), ("24h", 86_400.0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["0", "0s", "soon", "-1", "", "5x", "1e3", "m", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(delay("0"), Ok(Duration::ZERO));
        assert_eq!(delay("500ms"), Ok(Duration::from_millis(500)));
        assert!(delay("-1").is_err());
    }

    #[test]
    fn workers_and_counts_are_at_least_one() {
        assert_eq!(workers("auto"), Ok(WorkerCount::Auto));
        assert!(workers("4").is_ok());
        for text in ["0", "-1", "two", ""] {
            assert!(workers(text).is_err(), "{text}");
            assert!(count(text).is_err(), "{text}");
            assert!(failures(text).is_err(), "{text}");
        }
    }

    #[test]
    fn memory_is_read_with_its_unit() {
        for (text, bytes) in [
            ("512M", 512 << 20),
            ("2g", 2 << 30),
            ("1.5GiB", 3 << 29),
            ("4096", 4096),
            ("1kb", 1024),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "M", "-1G", "2X", "1.2.3G", "1e9", "9999999999999T"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_url_loses_its_trailing_slash() {
        assert_eq!(base_url("http://localhost:8000/"), Ok("http://localhost:8000".to_owned()));
        for text in ["localhost:8000", "http://", "ftp://x", "http://a b"] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }
}
