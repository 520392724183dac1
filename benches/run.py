"""Measures pnl beside pytest, pytest-xdist and others, and writes docs/benchmarks.md.

Everything it needs is put into .bench/, which stays there and is no part of the repository: suites
as source distributions, virtual environments, and what was measured as JSON. A run over some works
changes only their rows of the page.
"""

import argparse
import contextlib
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "corpus")]

from dev import leftovers, machine
from measure import contest, page
from measure.contest import Contest
from measure.places import Places
from measure.ways import CITO, Cito, Pnl
from measure.works import Work, works

NOTES = ROOT / "benches" / "notes.toml"


def main() -> int:
    options = parse_options()
    leftovers.adopt_orphans()
    # A shell that starts this in the background has it ignore Ctrl-C, and suites test that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    listed = list_works(options)
    chosen = [work for work in listed if is_chosen(work, options)]
    if options.list:
        print("\n".join(f"{work.key:<18}{work.title}" for work in chosen))
        return 0
    if not chosen:
        print(f"run.py: no work's key begins with {options.only}; see --list", file=sys.stderr)
        return 2
    places = Places(options.work)
    for work in chosen if not options.page_only else []:
        (prepare if options.prepare else measure)(work, places, options)
    if not options.prepare:
        write_page(listed, options)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/run.py", description=__doc__)
    parser.add_argument("--only", metavar="KEYS", help="works whose key begins so: a,b or c-flask")
    parser.add_argument(
        "--runs", type=int, default=5, help="of each command; default: 5, and of long works 3"
    )
    parser.add_argument(
        "--essential", action="store_true", help="nothing but what the table of goals needs"
    )
    parser.add_argument("--resume", action="store_true", help="leave out what has a result")
    parser.add_argument(
        "--prepare", action="store_true", help="put suites and programs in place, measure nothing"
    )
    parser.add_argument(
        "--page-only", action="store_true", help="write the page anew, measure none"
    )
    parser.add_argument("--list", action="store_true", help="print the works' keys")
    parser.add_argument("--pnl", type=Path, default=ROOT / "target" / "release" / "pnl")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    options = parser.parse_args()
    options.pnl, options.work = options.pnl.absolute(), options.work.absolute()
    if not options.pnl.exists():
        parser.error(f"{options.pnl} does not exist: build it with `cargo build --release`")
    return options


def list_works(options: argparse.Namespace) -> list[Work]:
    helped = machine.run_quietly([str(options.pnl), "test", "--help"]).stdout
    return list(works(Pnl(options.pnl), find_cito(options), has_warm="--warm" in helped))


def find_cito(options: argparse.Namespace) -> Cito | None:
    """One program for all suites: it is told which interpreter has the pytest to use."""
    file = options.work / "cito.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{CITO}\n")
    try:
        python = machine.virtual_environment(options.work / "cito", [file])
    except machine.Unavailable as problem:
        print(f"cito could not be had: {problem}", file=sys.stderr)
        return None
    return Cito(python.parent / "cito")


def is_chosen(work: Work, options: argparse.Namespace) -> bool:
    if options.essential and not work.needed:
        return False
    return not options.only or work.key.startswith(tuple(options.only.split(",")))


def measure(work: Work, places: Places, options: argparse.Namespace) -> None:
    """Keeps what was measured at once: the next work may fail, or the machine."""
    file = kept(work, options)
    if options.resume and file.exists():
        return
    print(f"\n== {work.key}: {work.title}", flush=True)
    work = chosen_ways(work, options)
    runs = min(options.runs, work.most_runs or options.runs)
    began = time.perf_counter()
    result = Contest(work, places, lambda text: print(f"   {text}", flush=True)).run(runs)
    contest.write(file, result)
    print(f"   ({time.perf_counter() - began:.0f} s)", flush=True)


def prepare(work: Work, places: Places, options: argparse.Namespace) -> None:
    """What cannot be had is said when it is measured."""
    for way in chosen_ways(work, options).ways:
        with contextlib.suppress(machine.Unavailable):
            places.get(work.suite, way.setting)


def chosen_ways(work: Work, options: argparse.Namespace) -> Work:
    if not options.essential:
        return work
    return replace(work, ways=[way for way in work.ways if way.key in work.needed])


def kept(work: Work, options: argparse.Namespace) -> Path:
    return Path(options.work) / "results" / f"{work.key}.json"


def write_page(listed: list[Work], options: argparse.Namespace) -> None:
    known = {work.key: contest.read(kept(work, options)) for work in listed}
    results = {key: result for key, result in known.items() if result is not None}
    if results:
        page.write(options.page, results, NOTES)
        print(f"\n{options.page} is written")


if __name__ == "__main__":
    sys.exit(main())
