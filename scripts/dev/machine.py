"""What a machine must have for the check and the demo, and how it gets there.

Owns virtual environments and Debian's packages. Nothing is installed outside of the checkout but
Debian's packages, and those only as root on a machine that has apt.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "tracker"

# What could make pnl, pytest, cargo or the example behave differently from a fresh machine's.
# PYTHONUNBUFFERED is one of them: it has hidden output that got lost in a buffer.
FOREIGN = ("PNL_", "PYTEST_", "PYTHON", "TRACKER_", "E2E_", "GITHUB_")
FOREIGN_NAMES = {
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "FORCE_COLOR",
    "VIRTUAL_ENV",
}


class Unavailable(Exception):
    """Something cannot be put in place; the text says what, why and what to do."""


def clean_environment() -> dict[str, str]:
    """Takes from this process's environment what a fresh machine would not have."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN_NAMES and not name.startswith(FOREIGN)
    }
    # Where rustup puts cargo, for a shell that was opened before Rust was installed.
    path = environment.get("PATH", os.defpath)
    environment["PATH"] = os.pathsep.join([path, str(Path.home() / ".cargo" / "bin")])
    return environment


def activated(environment: dict[str, str], python: Path) -> dict[str, str]:
    """As after `. bin/activate` of the interpreter's virtual environment."""
    path = os.pathsep.join([str(python.parent), environment["PATH"]])
    return {**environment, "VIRTUAL_ENV": str(python.parents[1]), "PATH": path}


def virtual_environment(
    folder: Path, requirements: list[Path], base: Path = Path(sys.executable)
) -> Path:
    """An environment with these packages, re-used if nothing has changed; its interpreter."""
    python = folder / "bin" / "python"
    stamp = folder / "requirements.sha256"
    wanted = fingerprint(folder, requirements)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"   making {os.path.relpath(folder, ROOT)} with {names(requirements)}", flush=True)
    bare_environment(folder, base)
    pip_install(python, *(word for file in requirements for word in ("-r", str(file))))
    stamp.write_text(wanted)
    return python


def bare_environment(folder: Path, base: Path = Path(sys.executable)) -> Path:
    """A new environment with pip alone, in place of any old one; its interpreter."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(base), "-m", "venv", str(folder)]
    made = run_quietly(command)
    if made.returncode != 0 and "ensurepip" in made.stdout:
        # Debian keeps what `venv` needs in a package of its own.
        install_debian_packages("python3-venv")
        shutil.rmtree(folder, ignore_errors=True)
        made = run_quietly(command)
    if made.returncode != 0:
        raise Unavailable(f"no virtual environment in {folder}:\n{made.stdout}")
    return folder / "bin" / "python"


def pip_install(python: Path, *words: str) -> None:
    """Installs into the interpreter's environment."""
    installed = run_quietly([str(python), "-m", "pip", "install", "--quiet", *words])
    if installed.returncode != 0:
        raise Unavailable(f"pip install {' '.join(words)} failed:\n{installed.stdout}")


def chromium() -> None:
    """Sees to it that there is a Chromium."""
    need_programs({"chromium": "chromium"})


def chromium_and_display() -> None:
    """Sees to it that there is a Chromium, and an X server for it that needs no screen."""
    need_programs({"chromium": "chromium", "xvfb-run": "xvfb", "xauth": "xauth"})


def need_programs(packages: dict[str, str]) -> None:
    """Installs the Debian packages of those programs that are not on the PATH."""
    install_debian_packages(*(packages[program] for program in missing(packages)))
    for program in missing(packages):
        raise Unavailable(f"{program} is not on the PATH, though its package is installed")


def missing(programs: Iterable[str]) -> list[str]:
    return [program for program in programs if shutil.which(program) is None]


def install_debian_packages(*packages: str) -> None:
    """Installs what is named, if this is a Debian whose packages we may install."""
    if not packages:
        return
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise Unavailable(f"{wanted} not found, and no apt-get to install it")
    if os.geteuid() != 0:
        raise Unavailable(f"{wanted} not found; install it with: sudo apt-get install {wanted}")
    print(f"   installing {wanted} from Debian's packages", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    for command in (["apt-get", "update"], install):
        done = run_quietly(command, environment)
        if done.returncode != 0:
            raise Unavailable(f"{' '.join(command)} failed:\n{done.stdout}")


def fingerprint(folder: Path, requirements: list[Path]) -> str:
    """Changes with the packages, the interpreter, and the place, which scripts in `bin` name."""
    parts = [sys.version, str(folder), *(file.read_text() for file in requirements)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def names(requirements: list[Path]) -> str:
    return ", ".join(os.path.relpath(file, ROOT) for file in requirements)


def run_quietly(
    command: list[str], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
