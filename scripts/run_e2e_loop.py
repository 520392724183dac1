#!/usr/bin/env python3
"""Hands over to `pnl loop`: python scripts/run_e2e_loop.py 10 --workers 2.

Every argument is pnl's: `pnl loop --help` explains them. The tests run in the interpreter that
runs this script, unless PNL_PYTHON or --python names another.
"""

import os
import shutil
import sys
from pathlib import Path

USAGE_ERROR = 4
NAME = "pnl.exe" if os.name == "nt" else "pnl"


def main() -> int:
    arguments = sys.argv[1:]
    try:
        pnl = find_pnl()
    except LookupError as problem:
        print(f"run_e2e_loop.py: {problem}", file=sys.stderr)
        return USAGE_ERROR
    if not names_python(arguments):
        os.environ["PNL_PYTHON"] = sys.executable
    try:
        os.execv(pnl, [str(pnl), "loop", *arguments])
    except OSError as problem:
        print(f"run_e2e_loop.py: {pnl} cannot be run: {problem.strerror}", file=sys.stderr)
        return USAGE_ERROR


def find_pnl() -> Path:
    """PNL_BIN, else the checkout that this script is part of, else the PATH."""
    named = os.environ.get("PNL_BIN")
    if named:
        if not Path(named).is_file():
            raise LookupError(f"PNL_BIN names {named}, and there is no such file")
        return Path(named)
    beside = Path(__file__).resolve().parent.parent / NAME
    if beside.is_file():
        return beside
    found = shutil.which("pnl")
    if found is None:
        raise LookupError(
            f"pnl is neither {beside} nor on the PATH: install it, or let PNL_BIN name it"
        )
    return Path(found)


def names_python(arguments: list[str]) -> bool:
    """Whether the environment or an option (not one of pytest's, behind --) names one."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return bool(os.environ.get("PNL_PYTHON")) or any(
        word == "--python" or word.startswith("--python=") for word in own
    )


if __name__ == "__main__":
    sys.exit(main())
