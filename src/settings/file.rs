//! The configuration file: `pnl.toml`, or `[tool.pnl]` in `pyproject.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::SettingsError;
use super::layer::{Layer, name};
use super::rules::{FileRule, capacities, rules};
use super::scope::{Scope, default_scopes};
use super::values::{self, BadValue};
use super::words::state_probe;
use crate::model::{Pattern, Rule};

/// A project: its folder, and what its configuration file says.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of the configuration file, or the working folder where there is none.
    pub root: PathBuf,
    /// How messages name the file.
    pub place: String,
    /// The file's settings.
    pub layer: Layer,
    /// pytest arguments for every run, before a scope's and the user's.
    pub pytest_args: Vec<String>,
    /// How to start the server, for the message when it does not answer.
    pub server_hint: Option<String>,
    /// What is said of some tests, in the file's order.
    pub rules: Vec<(Pattern, Rule)>,
    /// How many tests may hold a lock at the same time, where the file says so.
    pub locks: BTreeMap<String, usize>,
    /// All scopes by name, the built-in ones included.
    pub scopes: BTreeMap<String, Scope>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base_url: Option<String>,
    workers: Option<Count>,
    dist: Option<String>,
    engine: Option<String>,
    isolation: Option<String>,
    output: Option<String>,
    keep_going: Option<bool>,
    delay: Option<Count>,
    headed: Option<bool>,
    max_fail: Option<u64>,
    collect: Option<String>,
    retries: Option<u32>,
    flaky: Option<String>,
    timeout: Option<Count>,
    slow: Option<Count>,
    python: Option<PathBuf>,
    junit: Option<PathBuf>,
    jsonl: Option<PathBuf>,
    warm: Option<bool>,
    warm_idle: Option<Count>,
    grace: Option<Count>,
    run_timeout: Option<Count>,
    collect_timeout: Option<Count>,
    max_worker_memory: Option<Count>,
    max_tests_per_worker: Option<Count>,
    leak: Option<String>,
    server_lost: Option<String>,
    vary: Option<String>,
    #[serde(default)]
    pytest_args: Vec<String>,
    server_hint: Option<String>,
    state_probe: Option<String>,
    #[serde(default)]
    scopes: BTreeMap<String, FileScope>,
    #[serde(default)]
    tests: Vec<FileRule>,
    #[serde(default)]
    locks: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileScope {
    paths: Option<Vec<String>>,
    server: Option<bool>,
    #[serde(default)]
    pytest_args: Vec<String>,
    workers: Option<Count>,
}

/// A number, or a text as on the command line.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Count {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Count {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[derive(Deserialize)]
struct PyProject {
    tool: Option<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    pnl: Option<File>,
}

/// Looks for the configuration from `start` upwards: the nearest `pnl.toml`, or `pyproject.toml`
/// that has a `[tool.pnl]`; `pnl.toml` first where a folder has both.
pub fn find_project(start: &Path) -> Result<Project, SettingsError> {
    for folder in start.ancestors() {
        let own = folder.join("pnl.toml");
        if let Some(text) = read(&own)? {
            return project(folder, &own.display().to_string(), "", parse(&own, &text)?);
        }
        let shared = folder.join("pyproject.toml");
        if let Some(text) = read(&shared)?
            && text.contains("pnl")
            && let Some(file) = parse::<PyProject>(&shared, &text)?.tool.and_then(|tool| tool.pnl)
        {
            return project(folder, &shared.display().to_string(), "tool.pnl.", file);
        }
    }
    project(start, "no configuration file", "", File::default())
}

fn read(path: &Path) -> Result<Option<String>, SettingsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SettingsError {
            place: path.display().to_string(),
            what: format!("cannot be read: {error}"),
        }),
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, SettingsError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
        let key = line
            .and_then(|line| text.lines().nth(line - 1)?.split_once('='))
            .map_or_else(String::new, |(key, _)| format!(", {}", key.trim()));
        let place = path.display().to_string();
        SettingsError {
            place: line.map_or_else(|| place.clone(), |line| format!("{place}, line {line}{key}")),
            what: error.message().to_owned(),
        }
    })
}

fn project(folder: &Path, place: &str, prefix: &str, file: File) -> Result<Project, SettingsError> {
    let at = |key: &str, error: BadValue| SettingsError {
        place: format!("{place}, {prefix}{key}"),
        what: error.to_string(),
    };
    macro_rules! checked {
        ($key:ident, $parse:expr) => {
            file.$key
                .as_ref()
                .map(|value| $parse(value.as_ref()))
                .transpose()
                .map_err(|error| at(stringify!($key), error))?
        };
    }
    macro_rules! counted {
        ($key:ident, $parse:expr) => {
            file.$key
                .as_ref()
                .map(|value| $parse(&value.text()))
                .transpose()
                .map_err(|error| at(stringify!($key), error))?
        };
    }
    let max_fail = file.max_fail.map(|number| number.to_string());
    let in_folder = |path: PathBuf| folder.join(path);
    let layer = Layer {
        base_url: checked!(base_url, |text: &str| values::base_url(text)),
        workers: counted!(workers, values::workers),
        dist: checked!(dist, |text: &str| name(text)),
        engine: checked!(engine, |text: &str| name(text)),
        isolation: checked!(isolation, |text: &str| name(text)),
        output: checked!(output, |text: &str| name(text)),
        keep_going: file.keep_going,
        delay: counted!(delay, values::delay),
        headed: file.headed,
        max_fail: max_fail
            .map(|text| values::failures(&text))
            .transpose()
            .map_err(|error| at("max_fail", error))?,
        collect: checked!(collect, |text: &str| name(text)),
        retries: file.retries,
        flaky: checked!(flaky, |text: &str| name(text)),
        timeout: counted!(timeout, values::limit),
        slow: counted!(slow, values::limit),
        python: file.python.map(in_folder),
        junit: file.junit.map(in_folder),
        jsonl: file.jsonl.map(in_folder),
        warm: file.warm,
        warm_idle: counted!(warm_idle, values::duration),
        grace: counted!(grace, values::delay),
        run_timeout: counted!(run_timeout, values::limit),
        collect_timeout: counted!(collect_timeout, values::limit),
        max_worker_memory: counted!(max_worker_memory, values::memory),
        max_tests_per_worker: counted!(max_tests_per_worker, values::tests),
        leak: checked!(leak, |text: &str| name(text)),
        server_lost: checked!(server_lost, |text: &str| name(text)),
        vary: checked!(vary, |text: &str| name(text)),
        state_probe: checked!(state_probe, |text: &str| state_probe(text)),
    };
    let mut scopes = default_scopes();
    for (name, said) in file.scopes {
        let key = |field: &str| format!("scopes.{name}.{field}");
        if name == "all" {
            let error = BadValue("`all` is what pytest itself would collect; use testpaths".into());
            return Err(at("scopes.all", error));
        }
        let workers = said.workers.map(|count| values::workers(&count.text())).transpose();
        let known = scopes.get(&name).cloned();
        let paths = said.paths.or_else(|| known.as_ref().map(|scope| scope.paths.clone()));
        let paths = paths.filter(|paths| !paths.is_empty()).ok_or_else(|| {
            at(&key("paths"), BadValue("a scope names at least one path".to_owned()))
        })?;
        let scope = Scope {
            name: name.clone(),
            paths,
            needs_server: said.server.or(known.map(|it| it.needs_server)).unwrap_or(false),
            pytest_args: said.pytest_args,
            workers: workers.map_err(|error| at(&key("workers"), error))?,
        };
        scopes.insert(name, scope);
    }
    Ok(Project {
        root: folder.to_path_buf(),
        place: place.to_owned(),
        layer,
        pytest_args: file.pytest_args,
        server_hint: file.server_hint,
        rules: rules(file.tests).map_err(|(key, error)| at(&key, error))?,
        locks: capacities(file.locks).map_err(|(key, error)| at(&key, error))?,
        scopes,
    })
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DistMode;

    fn load(name: &str, text: &str) -> Result<Project, SettingsError> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), text).expect("written");
        let result = find_project(&folder.path().join("a/b"));
        result.map_err(|error| SettingsError {
            place: error.place.replace(&folder.path().display().to_string(), "DIR"),
            ..error
        })
    }

    #[test]
    fn a_project_is_found_above_with_its_scopes() {
        let project = load(
            "pyproject.toml",
            "[tool.pnl]\ndist = \"loadfile\"\nworkers = 3\n\
             [tool.pnl.scopes.smoke]\npaths = [\"tests/smoke\"]\nserver = true\nworkers = \"auto\"\n\
             [tool.pnl.scopes.e2e]\npytest_args = [\"--browser=firefox\"]\n",
        )
        .expect("all is well");
        assert_eq!(project.layer.dist, Some(DistMode::LoadFile));
        assert!(project.scopes["smoke"].needs_server);
        assert_eq!(project.scopes["e2e"].paths, ["tests/e2e"], "what is left out stays");
        assert!(project.scopes["e2e"].needs_server);
    }

    #[test]
    fn an_unknown_key_names_file_key_and_what_is_allowed() {
        let error = load("pnl.toml", "\nwrokers = 2\n").expect_err("misspelt").to_string();
        assert!(
            error.starts_with("DIR/pnl.toml, line 2, wrokers: unknown field `wrokers`"),
            "{error}"
        );
        assert!(error.contains("`workers`"), "{error}");
        let error = load("pyproject.toml", "[tool.pnl]\nwrokers = 2\n").expect_err("misspelt");
        let error = error.to_string();
        assert!(error.starts_with("DIR/pyproject.toml, line 2, wrokers: unknown field"), "{error}");
        assert!(error.contains("wrokers") && error.contains("`workers`"), "{error}");
    }

    #[test]
    fn a_bad_value_names_file_key_and_what_is_allowed() {
        let error = load("pnl.toml", "dist = \"loadfiles\"\n").expect_err("no such mode");
        let error = error.to_string();
        assert!(error.starts_with("DIR/pnl.toml, dist: \"loadfiles\" is no dist mode"), "{error}");
        let error = load("pnl.toml", "[scopes.x]\nserver = true\n").expect_err("no paths");
        assert!(error.to_string().starts_with("DIR/pnl.toml, scopes.x.paths:"), "{error}");
    }

    #[test]
    fn a_pyproject_without_our_table_is_none_of_ours() {
        let project = load("pyproject.toml", "[tool.other]\nx = 'pnl'\n").expect("not ours");
        assert_eq!(project.layer, Layer::default());
        assert!(project.scopes.contains_key("http"));
    }
}
