//! Which module may know which (docs/design/architecture.md), read from the source itself; and that
//! printing happens in `report` and `cli` alone.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Each module with those that it may use. What is not here may use nothing.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("model", &[]),
    ("scheduler", &["model"]),
    ("stats", &["model"]),
    ("diagnosis", &["model", "stats"]),
    ("protocol", &["model"]),
    ("process", &["model"]),
    ("settings", &["model"]),
    ("queue", &[]),
    ("store", &["model", "queue"]),
    ("report", &["model", "stats", "diagnosis", "store", "queue"]),
    ("engine", &["model", "scheduler", "stats", "protocol", "process", "store", REPORTER]),
    (
        "runner",
        &[
            "model",
            "scheduler",
            "stats",
            "protocol",
            "process",
            "store",
            "settings",
            "engine",
            REPORTER,
        ],
    ),
    (
        "experiment",
        &["model", "stats", "scheduler", "diagnosis", "store", "engine", "runner", REPORTER],
    ),
    ("replay", &["model", "scheduler", "engine"]),
    ("verify", &["model", "scheduler", "engine", "runner", REPORTER]),
    (
        "cli",
        &[
            "model",
            "scheduler",
            "stats",
            "protocol",
            "process",
            "store",
            "settings",
            "report",
            "engine",
            "runner",
            "verify",
            "diagnosis",
            "experiment",
            "replay",
        ],
    ),
];

/// All that an engine may know of the reports.
const REPORTER: &str = "report::Reporter";

const MAY_PRINT: [&str; 2] = ["report", "cli"];

const PRINTING: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];

#[test]
fn modules_use_only_those_that_they_may_know() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (file, module, text) in sources() {
        seen.insert(module[0].clone());
        wrong.extend(violations(&module, &text).into_iter().map(|it| format!("{file}: {it}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let named: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(seen, named, "the modules there are, and those that this test names");
}

#[test]
fn only_reports_and_the_command_line_print() {
    let mut wrong = Vec::new();
    for (file, module, text) in sources() {
        if !MAY_PRINT.contains(&module[0].as_str()) {
            wrong.extend(prints(&text).into_iter().map(|what| format!("{file}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_face_of_the_library_shows_the_runner_alone() {
    let text = fs::read_to_string(source().join("lib.rs")).unwrap();
    let used: BTreeSet<String> = words(&text)
        .windows(4)
        .filter(|it| it[..2] == ["pub", "use"])
        .map(|it| it[2].clone())
        .collect();
    assert_eq!(used, BTreeSet::from(["runner".to_owned()]));
}

#[test]
fn a_forbidden_edge_is_seen_however_it_is_written() {
    let engine = |text| violations(&path(&["engine", "dispatch"]), text);
    assert_eq!(engine("use crate::report::Reporter; use crate::model::{Round, Slot};"), [""; 0]);
    assert_eq!(engine("use crate::report::Hub;"), ["engine uses report::Hub"]);
    assert_eq!(engine("use crate::report::{Reporter, Hub};"), ["engine uses report::Hub"]);
    assert_eq!(engine("use crate::report::Hub::*;"), ["engine uses report::Hub"]);
    assert_eq!(engine("use crate::report::*;"), ["engine uses report::*"]);
    assert_eq!(engine("use crate::{model::Round, cli::{self, x}};").len(), 2);
    assert_eq!(engine("fn f() { crate::cli::main(); }"), ["engine uses cli::main"]);
    assert_eq!(engine("use super::super::cli::main;"), ["engine uses cli::main"]);
    assert_eq!(engine("use super::super::{settings::x};"), ["engine uses settings::x"]);
    assert_eq!(engine("mod t { use super::super::super::cli; }"), ["engine uses cli"]);
    assert_eq!(engine("use super::crew::Worker;"), [""; 0], "its own parts are its own");
    assert_eq!(engine("pub(in crate::engine) fn f() {}"), [""; 0]);
    assert_eq!(
        engine("// use crate::cli::main;\n/* crate::cli */ let x = \"crate::cli::x\";"),
        [""; 0]
    );
    assert_eq!(engine("let x = '\"'; crate::cli::main();"), ["engine uses cli::main"]);
    assert_eq!(engine("let x = r#\"\"crate::cli\"#; fn f<'a>(x: &'a str) {}"), [""; 0]);
    assert_eq!(violations(&path(&["model"]), "use crate::store::x;"), ["model uses store::x"]);
}

#[test]
fn printing_is_seen() {
    assert_eq!(
        prints("fn f() { eprintln!(\"x\"); std::io::stdout(); }"),
        ["eprintln!", "stdout()"]
    );
    assert_eq!(prints("command.stdout(pipe); child.stdout.take(); // println!()"), [""; 0]);
}

fn source() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// All source files but the two roots: name, module path, text.
fn sources() -> Vec<(String, Vec<String>, String)> {
    let mut found = Vec::new();
    let mut folders = vec![source().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|it| it == "rs") {
                let name = file.strip_prefix(source()).unwrap().to_str().unwrap().to_owned();
                let module = name.strip_suffix(".rs").unwrap();
                let module = module.strip_suffix("/mod").unwrap_or(module);
                if !["lib", "main"].contains(&module) {
                    let module = module.split('/').map(str::to_owned).collect();
                    found.push((name, module, fs::read_to_string(file).unwrap()));
                }
            }
        }
    }
    assert!(found.len() > 50, "the sources are there");
    found
}

/// Edges that `module`'s text has and must not have.
fn violations(module: &[String], text: &str) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let own = module[0].as_str();
    let allowed = allowed.get(own).copied().unwrap_or_default();
    let mut wrong: Vec<String> = Vec::new();
    for used in paths(module, text) {
        let shown = used[..used.len().min(2)].join("::");
        let is_own = used.first().is_none_or(|first| first == own);
        let is_allowed = allowed.iter().any(|it| *it == shown || *it == used[0]);
        let edge = format!("{own} uses {shown}");
        if !is_own && !is_allowed && !wrong.contains(&edge) {
            wrong.push(edge);
        }
    }
    wrong
}

/// Paths within the crate that a text names, from the crate's root. `module` is where it stands.
fn paths(module: &[String], text: &str) -> Vec<Vec<String>> {
    let words = words(text);
    let mut here = module.to_vec();
    // How deep the braces were where each inline module began.
    let mut inline = Vec::new();
    let mut depth = 0;
    let mut found = Vec::new();
    for at in 0..words.len() {
        let before = at.checked_sub(1).map_or("", |at| words[at].as_str());
        match words[at].as_str() {
            "{" => {
                depth += 1;
                if at > 1 && words[at - 2] == "mod" {
                    inline.push(depth);
                    here.push(words[at - 1].clone());
                }
            }
            "}" => {
                if inline.last() == Some(&depth) {
                    inline.pop();
                    here.pop();
                }
                depth -= 1;
            }
            "crate" => expand(&words, at + 1, &[], &mut found),
            "super" if before != "::" => {
                let mut base = here.clone();
                let mut at = at;
                while words[at] == "super" {
                    base.pop();
                    if words.get(at + 1).is_none_or(|it| it != "::") {
                        break;
                    }
                    at += 2;
                }
                expand(&words, at - 1, &base, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Collects the paths that follow `base`, from the `::` at `at` on; braces are opened.
fn expand(words: &[String], at: usize, base: &[String], found: &mut Vec<Vec<String>>) {
    if words.get(at).is_none_or(|it| it != "::") {
        if !base.is_empty() {
            found.push(base.to_vec());
        }
        return;
    }
    match words.get(at + 1).map_or("", String::as_str) {
        "{" => {
            let mut depth = 0;
            for at in at + 1..words.len() {
                match words[at].as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    return;
                }
                if depth == 1 && ["{", ","].contains(&words[at].as_str()) {
                    let name = words[at + 1].as_str();
                    if name != "}" && name != "self" {
                        let path = [base, &[name.to_owned()]].concat();
                        expand(words, at + 2, &path, found);
                    } else if name == "self" {
                        found.push(base.to_vec());
                    }
                }
            }
        }
        name => expand(words, at + 2, &[base, &[name.to_owned()]].concat(), found),
    }
}

/// What a text prints with.
fn prints(text: &str) -> Vec<String> {
    let words = words(text);
    let macros = words.windows(2).filter(|it| it[1] == "!" && PRINTING.contains(&it[0].as_str()));
    let streams = words
        .windows(3)
        .filter(|it| ["stdout", "stderr"].contains(&it[0].as_str()) && it[1..] == ["(", ")"]);
    macros.map(<[String]>::concat).chain(streams.map(<[String]>::concat)).collect()
}

/// A text's words and signs, `::` as one, without comments, strings, characters and lifetimes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = 2 + hashes;
            begin + rest[begin..].find(&end).unwrap() + end.len()
        } else if first == '"' {
            quoted(rest)
        } else if first == '\'' {
            let next: Vec<char> = rest.chars().skip(1).take(2).collect();
            let is_char = next.first() == Some(&'\\') || next.get(1) == Some(&'\'');
            if is_char { quoted(rest) } else { 1 }
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            let length = end.unwrap_or(rest.len());
            words.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            words.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                words.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

/// Number of hashes, if a raw string begins here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// Length of what is quoted, with its quotes.
fn quoted(text: &str) -> usize {
    let quote = text.chars().next().unwrap();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}
