//! What pnl keeps to itself: secrets of the environment, the run's own secret, its folders.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not there")]

mod harness;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use harness::{Run, Suite, python};

const TOKEN: &str = "tok3n-of-the-environment";
const PASSWORD: &str = "p4ssw0rd-of-the-url";

/// Every file below, links not followed.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let status = path.symlink_metadata().unwrap();
            if status.is_dir() { files(&path) } else { vec![path] }
        })
        .filter(|path| path.symlink_metadata().unwrap().is_file())
        .collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|it| it == secret.as_bytes())
}

const TELLTALE: &str = r#"
import os, sys, warnings
import pytest

def test_gets_the_real_values():
    assert os.environ["SERVICE_TOKEN"] == "tok3n-" + "of-the-environment"
    assert os.environ["E2E_BASE_URL"].endswith("p4ssw0rd-" + "of-the-url@127.0.0.1:9")

def test_tells():
    print("printed", os.environ["SERVICE_TOKEN"])
    print(os.environ["E2E_BASE_URL"], file=sys.stderr)
    token = os.environ["SERVICE_TOKEN"]
    assert token == "something else"

def test_skips():
    pytest.skip("without " + os.environ["SERVICE_TOKEN"])

def test_dies():
    os.write(1, os.environ["SERVICE_TOKEN"].encode())
    os._exit(3)
"#;

fn assert_nothing_told(suite: &Suite, run: &Run) {
    for secret in [TOKEN, PASSWORD] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{secret}: {run}");
        for event in &run.events {
            assert!(!event.to_string().contains(secret), "{secret}: {event}");
        }
        for file in files(&suite.root()) {
            let bytes = fs::read(&file).unwrap();
            assert!(!holds(&bytes, secret), "{secret} in {}", file.display());
        }
    }
}

#[test]
fn secrets_of_the_environment_and_of_urls_are_written_nowhere() {
    let url = format!("http://me:{PASSWORD}@127.0.0.1:9");
    // Plain pytest has the terminal to itself.
    for engine in ["fork", "spawn", "xdist"] {
        let suite = Suite::new(&[("test_a.py", TELLTALE)]).with("SERVICE_TOKEN", TOKEN);
        let suite = if engine == "xdist" { suite.with_xdist() } else { suite };
        let words = ["--engine", engine, "-n", "2", "--base-url", &url, "--junit", "junit.xml"];
        let words = [&words[..], &["--", "-p", "no:cacheprovider"]].concat();
        let run = suite.test(&words);
        assert_eq!(run.code, Some(1), "{run}");
        assert_eq!(run.outcome("test_gets_the_real_values"), "passed", "{run}");
        assert!(run.stdout.contains("***"), "{run}");
        let started = run.the("run-started");
        assert_eq!(started["base_url"], "http://me:***@127.0.0.1:9", "{run}");
        let shown = suite.run(&["show"]);
        assert!(shown.stdout.contains("http://me:***@127.0.0.1:9"), "{shown}");
        assert_nothing_told(&suite, &run);
        assert_nothing_told(&suite, &shown);
    }
}

#[test]
fn secrets_are_in_no_error_message() {
    let suite = Suite::new(&[("tests/e2e/test_a.py", "def test_a(): pass\n")]);
    let url = format!("http://me:{PASSWORD}@127.0.0.1:9");
    let bad = format!("ftp://me:{PASSWORD}@127.0.0.1:9");
    for words in [
        vec!["test", "e2e", "--base-url", &url],
        vec!["test", "e2e", "--base-url", &bad],
        vec!["test", "e2e", "--dry-run", "--base-url", &url],
        vec!["test", "tests", "--base-url", &url, "--dry-run", "--", "--api-token", PASSWORD],
    ] {
        let words = [&words[..1], &["--python", python().to_str().unwrap()], &words[1..]].concat();
        let run = suite.run(&words);
        assert!(run.stderr.contains("***") || run.stdout.contains("***"), "{words:?}: {run}");
        assert_nothing_told(&suite, &run);
    }
}

#[test]
fn live_output_and_notices_hide_secrets_too() {
    let suite = Suite::new(&[
        ("test_a.py", "import os\ndef test_a(): print(os.environ['SERVICE_TOKEN'], flush=True)\n"),
        (
            "conftest.py",
            "import os\ndef pytest_terminal_summary(terminalreporter):\n    \
                         terminalreporter.write_line('end ' + os.environ['SERVICE_TOKEN'])\n",
        ),
    ])
    .with("SERVICE_TOKEN", TOKEN);
    let run = suite.test(&["-n", "1", "--output", "live"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.stdout.matches("***").count(), 2, "{run}");
    assert_nothing_told(&suite, &run);
}

const SPY: &str = r#"
import os, subprocess, sys
import probe

def test_the_runs_secret_is_not_to_be_had_by_accident():
    seen = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"],
                          capture_output=True, text=True, check=True).stdout
    for text in (str(dict(os.environ)), seen, str(sys.argv)):
        assert "PNL_SESSION" not in text and "token" not in text.lower(), text

def test_the_runs_folder_is_private():
    folders = [it for it in os.scandir(os.environ["TMPDIR"]) if it.name.startswith("pnl-")]
    assert folders
    for folder in folders:
        assert folder.stat().st_mode & 0o777 == 0o700, folder
        for file in os.scandir(folder):
            if file.is_file(follow_symlinks=False):
                assert file.stat().st_mode & 0o77 == 0, file
    probe.log(",".join(it.name for it in folders))
"#;

#[test]
fn the_runs_secret_and_folder_are_private_whatever_the_umask() {
    for engine in ["fork", "spawn", "xdist", "pytest"] {
        for umask in ["000", "077"] {
            let suite = Suite::new(&[("test_a.py", SPY)]);
            let suite = if engine == "xdist" { suite.with_xdist() } else { suite };
            let script = format!("umask {umask}; exec \"$@\"");
            let pnl = env!("CARGO_BIN_EXE_pnl");
            let mut command = suite.command("sh");
            command.args(["-c", &script, "sh", pnl, "test", "--engine", engine, "-n", "1"]);
            command.arg("--python").arg(python()).env("XDG_CACHE_HOME", suite.beside("cache"));
            let run = harness::Running::start(command, None).finish();
            assert_eq!(run.code, Some(0), "{engine}, {umask}: {run}");
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&suite.root().join(".pnl")), 0o700, "{engine}, {umask}");
            assert_eq!(mode(&suite.beside("cache/pnl")), 0o700, "{engine}, {umask}");
            let folder = suite.beside("tmp").join(&suite.log()[0]);
            assert!(!folder.exists(), "it goes with the run");
        }
    }
}

#[test]
fn a_history_that_others_could_read_is_closed_to_them() {
    let suite = Suite::new(&[("test_a.py", "def test_a(): pass\n")]);
    let folder = suite.root().join(".pnl");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(suite.test(&[]).code, Some(0));
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Somebody else's folder in the cache's place: the package is unpacked into the run's own folder.
#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let suite = Suite::new(&[(
        "test_a.py",
        "import sys, probe\ndef test_a(): probe.log(sys.modules['pnl_worker'].__file__)\n",
    )]);
    let cache = suite.beside("cache");
    let suite = suite.with("XDG_CACHE_HOME", cache.to_str().unwrap());
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let run_from = |suite: &Suite| {
        let run = suite.test(&["-n", "1"]);
        assert_eq!(run.code, Some(0), "{run}");
        suite.log().pop().unwrap()
    };
    assert!(Path::new(&run_from(&suite)).starts_with(&cache), "an ordinary one is used");
    open(&cache.join("pnl"), 0o777);
    assert!(!Path::new(&run_from(&suite)).starts_with(&cache), "others can write to it");
    open(&cache.join("pnl"), 0o700);
    open(&cache, 0o777);
    assert!(!Path::new(&run_from(&suite)).starts_with(&cache), "others can replace it");
    open(&cache, 0o1777);
    assert!(Path::new(&run_from(&suite)).starts_with(&cache), "in a sticky folder nobody can");
    fs::rename(cache.join("pnl"), cache.join("elsewhere")).unwrap();
    symlink(cache.join("elsewhere"), cache.join("pnl")).unwrap();
    assert!(!Path::new(&run_from(&suite)).starts_with(&cache), "a link leads anywhere");
}

#[test]
fn a_link_at_the_junit_files_temporary_name_is_not_followed() {
    let suite = Suite::new(&[("test_a.py", "def test_a(): pass\n")]);
    let victim = suite.beside("victim");
    fs::write(&victim, "precious").unwrap();
    // All names that the next processes could use, were they to be guessed.
    for pid in 1..2000 {
        let pid = std::process::id() + pid;
        symlink(&victim, suite.root().join(format!(".junit.xml.pnl-{pid}"))).unwrap();
    }
    let run = suite.test(&["--junit", "junit.xml"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
    assert!(suite.read("junit.xml").contains("<testcase"));
}

/// No command line goes through a shell: programs are started with lists of words.
#[test]
fn nothing_is_run_through_a_shell() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = files(&root.join("src"));
    sources.extend(files(&root.join("worker/pnl_worker")));
    let is_source = |it: &&PathBuf| it.extension().is_some_and(|end| end == "rs" || end == "py");
    for file in sources.iter().filter(is_source) {
        let text = fs::read_to_string(file).unwrap();
        let own = text.split("#[cfg(test)]").next().unwrap();
        for word in ["\"sh\"", "/bin/sh", "\"bash\"", "shell=True", "os.system(", "os.popen("] {
            assert!(!own.contains(word), "{word} in {}", file.display());
        }
    }
}
