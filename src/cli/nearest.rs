//! Names that are like one that was not found.

use std::collections::HashSet;

/// So many are named.
const NAMED: usize = 5;

/// How much two names have in common at least, to be named: of all their triples of characters.
const ALIKE: f64 = 0.35;

/// Those of `names` that are most like `wanted`, the likest first: by the share of triples of
/// characters that both have (Dice, 1945). Those that contain it come first.
pub(super) fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let lower = wanted.to_lowercase();
    let triples = triples(&lower);
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| {
            let it = name.to_lowercase();
            let score = if it.contains(&lower) { 2.0 } else { likeness(&triples, &it) };
            (score, name)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    scored.truncate(NAMED);
    scored.into_iter().map(|(_, name)| name).collect()
}

fn likeness(wanted: &HashSet<[char; 3]>, name: &str) -> f64 {
    let others = triples(name);
    let both = others.intersection(wanted).count() as f64;
    2.0 * both / (wanted.len() + others.len()).max(1) as f64
}

fn triples(text: &str) -> HashSet<[char; 3]> {
    let chars: Vec<char> = text.chars().collect();
    chars.windows(3).map(|it| [it[0], it[1], it[2]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_first_then_what_is_alike() {
        let names = ["tests/test_a.py::test_login", "tests/test_a.py::test_logout", "x.py::other"];
        let of = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(of("test_logout"), [names[1], names[0]]);
        assert_eq!(of("tests/test_a.py::test_logn"), names[..2]);
        assert_eq!(of("TEST_LOG"), names[..2]);
        assert_eq!(of("zzz"), [""; 0]);
        assert_eq!(of(""), [names[0], names[1], names[2]]);
    }
}
