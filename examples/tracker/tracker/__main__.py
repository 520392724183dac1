"""The command line: reads options and environment, then serves until it is told to stop."""

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from .app import create_app
from .faults import Faults
from .storage import Storage

DEFAULT_DATABASE = Path(__file__).resolve().parent.parent / "tracker.db"


def main() -> int:
    options = parse_options()
    try:
        faults = Faults.from_environment(os.environ)
    except ValueError as problem:
        print(f"tracker: {problem}", file=sys.stderr)
        return 2
    storage = Storage(options.database)
    print(f"tracker: database {options.database}, faults: {faults}", flush=True)
    uvicorn.run(
        create_app(storage, faults),
        host=options.host,
        port=options.port,
        access_log=False,
        # Longer than any pause between two tests, so that a client that keeps its
        # connection never sends into one that is just being closed.
        timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
    )
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tracker", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--database",
        type=Path,
        default=Path(os.environ.get("TRACKER_DB") or DEFAULT_DATABASE),
        help="SQLite file, made if missing (default: TRACKER_DB, else tracker.db here)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
