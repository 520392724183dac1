//! The configuration on what no honest project has: real files, changed.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::values;
use super::{File, Project, PyProject, parse, project};
use crate::model::fuzz::{cases, changed, text};
use crate::settings::{SettingsError, from_environment};

const REAL: [&str; 6] = [
    "base_url = 'http://127.0.0.1:8000/'\nworkers = 4\ndelay = '2s'\nkeep_going = true\n",
    "engine = \"fork\"\ndist = \"loadscope\"\nretries = 2\ntimeout = \"10m\"\nmax_fail = 3\n",
    "pytest_args = ['-q', \"--x=y\"]\n[scopes.e2e]\npaths = ['tests/e2e']\nserver = true\nworkers = 2\n",
    "[[tests]]\npath = 'tests/a.py'\nexclusive = true\n[[tests]]\nnodeid = 'b::c'\nlock = ['db']\n",
    "[locks]\ndb = 2\nmail = 1\n[scopes.x]\npaths = []\n",
    "grace = '10s'\nmax_worker_memory = '2G'\nmax_tests_per_worker = 100\nleak = 'fail'\n",
];

/// A line of the file's grammar with any key and value.
fn line() -> impl Strategy<Value = String> {
    let key = select(
        &[
            "workers",
            "delay",
            "timeout",
            "max_worker_memory",
            "dist",
            "base_url",
            "tests",
            "locks",
            "scopes.all.paths",
            "grace",
            "x",
            "\"\u{1b}[2J\"",
            "'\u{202e}'",
        ][..],
    );
    let value = prop_oneof![
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_map(|it| format!("{it:?}")),
        any::<f64>().prop_map(|it| format!("'{it:?}s'")),
        select(
            &[
                "1e400",
                "'1e308h'",
                "-0",
                "'99999999999999999999m'",
                "[]",
                "{}",
                "'9e9t'",
                "nan",
                "1979-05-27"
            ][..]
        )
        .prop_map(str::to_owned),
        text().prop_map(|it| toml::Value::String(it).to_string()),
    ];
    (key, value).prop_map(|(key, value)| format!("{key} = {value}\n"))
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let real = select(&REAL[..]).prop_map(str::to_owned);
    vec(prop_oneof![2 => line(), 1 => real], 1..4).prop_map(|lines| lines.concat().into_bytes())
}

fn read(text: &str) -> Result<Project, SettingsError> {
    let place = Path::new("/project/pnl.toml");
    project(Path::new("/project"), "/project/pnl.toml", "", parse::<File>(place, text)?)
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn a_configuration_is_taken_or_refused_by_name(bytes in changed(file())) {
        let text = String::from_utf8_lossy(&bytes);
        if let Err(error) = read(&text) {
            prop_assert!(error.place.starts_with("/project/pnl.toml"), "{}", error);
            prop_assert!(!error.what.is_empty());
        }
        let _ = parse::<PyProject>(Path::new("pyproject.toml"), &text);
    }

    #[test]
    fn a_value_is_taken_or_refused(
        text in prop_oneof![
            text(), "[0-9.eE+-]{0,12}[smhkgtKMGT]?", any::<f64>().prop_map(|it| format!("{it}h")),
        ],
    ) {
        let _ = (values::workers(&text), values::count(&text), values::failures(&text));
        let _ = (values::duration(&text), values::delay(&text), values::limit(&text));
        let _ = (values::retries(&text), values::tests(&text), values::memory(&text));
        let _ = values::base_url(&text);
        let _ = from_environment(|_| Some(text.clone()));
    }
}
