//! What hostile input looks like, for the fuzzing of other modules.
//!
//! `PNL_FUZZ_CASES` sets how many cases each property is tried with; docs/reliability.md says with
//! how many it was.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Cases where nothing else is asked for: a second or so for all properties together.
const FEW: u32 = 64;

/// So many cases, or a part of them for a property whose cases are slow.
pub(crate) fn cases(part: u32) -> ProptestConfig {
    let asked = std::env::var("PNL_FUZZ_CASES").ok().map(|text| text.parse().expect("a number"));
    let cases = (asked.unwrap_or(FEW) / part).max(8);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Pieces that terminals, XML, JSON, Markdown or workflow commands make something of.
const PIECES: [&str; 56] = [
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{1b}[2J",
    "\u{1b}[",
    "\u{1b}",
    "\u{1b}]0;title\u{7}",
    "\u{1b}[38;5;",
    "\u{1b}]8;;http://x\u{1b}\\",
    "\u{9b}31m",
    "\u{9d}0;x\u{9c}",
    "\u{90}",
    "\u{7}",
    "\u{8}\u{8}",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\r",
    "\r\n",
    "\n",
    "\n\n",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{202a}",
    "\u{2066}",
    "\u{2069}",
    "\u{200f}",
    "\u{200e}",
    "\u{61c}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{fffd}",
    "\u{200d}",
    "\u{301}",
    "e\u{301}",
    "日本語",
    "👩\u{200d}👩\u{200d}👧",
    "🇩🇪",
    "\u{e0041}",
    "]]>",
    "<![CDATA[",
    "<script>alert(1)</script>",
    "<!--",
    "-->",
    "&amp;",
    "&#0;",
    "::error file=x::y",
    "%0A",
    "|`*_[x](y)",
    "\\u0000",
    "\"'\\",
    "${PATH}",
];

/// Text of pieces, of anything, and of floods.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => select(&PIECES[..]).prop_map(str::to_owned),
        3 => any::<String>(),
        2 => "[a-z0-9_:/.\\[\\]-]{0,12}",
        1 => (select(&PIECES[..]), 1..400_usize).prop_map(|(piece, times)| piece.repeat(times)),
        1 => (1..6000_usize).prop_map(|length| "x".repeat(length)),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Bytes with a few changes: flipped, put in, taken out, cut off, repeated.
pub(crate) fn changed(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (0..6_u8, any::<prop::sample::Index>(), any::<u8>(), 1..9_usize);
    (bytes, vec(change, 0..6)).prop_map(|(mut bytes, changes)| {
        for (kind, place, byte, length) in changes {
            if bytes.is_empty() {
                return bytes;
            }
            let at = place.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.insert(at, byte),
                3 => drop(bytes.drain(at..end)),
                4 => bytes.truncate(at),
                _ => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
        bytes
    })
}
