//! The interpreter whose pytest runs the suites.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// An interpreter that has pytest and pytest-xdist: `PNL_TEST_PYTHON`, else the one that `./check`
/// makes, else `python3`. Panics with what to do if there is none: a test that cannot run must not
/// pass.
pub fn python() -> &'static Path {
    &found().interpreter
}

struct Found {
    interpreter: PathBuf,
    /// Where pytest is installed.
    packages: PathBuf,
}

fn found() -> &'static Found {
    static FOUND: OnceLock<Found> = OnceLock::new();
    FOUND.get_or_init(|| {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".check/venv/bin/python");
        let interpreter = match std::env::var_os("PNL_TEST_PYTHON") {
            Some(named) => PathBuf::from(named),
            None if own.exists() => own,
            None => PathBuf::from("python3"),
        };
        let question = "import sys, xdist, pytest, pathlib; print(sys.executable); \
                        print(pathlib.Path(pytest.__file__).parent.parent)";
        let answer = Command::new(&interpreter).args(["-c", question]).output();
        let text = answer.ok().filter(|it| it.status.success()).map(|it| it.stdout);
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let Some((executable, packages)) = text.trim().split_once('\n') else {
            panic!(
                "these tests need a Python with pytest and pytest-xdist, and {} is none. Run \
                 ./check, which makes one, or name one with PNL_TEST_PYTHON",
                interpreter.display()
            );
        };
        Found { interpreter: executable.into(), packages: packages.into() }
    })
}

/// An interpreter in `folder` that sees of all installed packages only those that `keep` accepts by
/// the name of their folder or file.
pub fn python_with(folder: &Path, keep: impl Fn(&str) -> bool) -> PathBuf {
    let packages = folder.join("packages");
    fs::create_dir_all(&packages).unwrap();
    for entry in fs::read_dir(&found().packages).unwrap() {
        let name = entry.as_ref().unwrap().file_name();
        if keep(name.to_str().unwrap()) {
            symlink(entry.unwrap().path(), packages.join(name)).unwrap();
        }
    }
    let script = folder.join("python");
    let text = format!(
        "#!/bin/sh\nPYTHONPATH='{}':$PYTHONPATH exec '{}' -S \"$@\"\n",
        packages.display(),
        python().display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}
