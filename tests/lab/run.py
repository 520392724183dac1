"""Draws labs, runs pnl on them, and scores its verdicts beside the truth.

`python3 tests/lab/run.py --labs 20 --seed 1 --confirm`. Each lab is looped until every test is
known to fail less often than 5%, or known to be flaky. `--only SEED --keep DIR` repeats one lab.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from planting.composition import Parameters
from scoring import table
from scoring.laboratory import Broken, Result, Ways, again, run

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    options = parse_options()
    seeds = options.only or list(range(options.seed, options.seed + options.labs))
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        results = run_all(seeds, options, options.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="pnl lab ") as folder:
            results = run_all(seeds, options, Path(folder))
    report(results, markdown=options.markdown)
    return 0 if len(results) == len(seeds) else 1


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first lab; the others follow")
    parser.add_argument("--only", type=int, action="append", metavar="SEED", help="repeatable")
    parser.add_argument(
        "--tests", type=int, default=Parameters.tests, help="at least so many a lab"
    )
    parser.add_argument("--pnl", type=Path, default=ROOT / "target" / "release" / "pnl")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("-n", "--workers", type=int, default=Parameters.workers)
    parser.add_argument("--rounds", type=int, help="so many, instead of until it is sure")
    parser.add_argument("--confirm", action="store_true", help="experiments too")
    parser.add_argument("--budget", help="of the experiments of each lab, as `pnl confirm` has it")
    parser.add_argument("--keep", type=Path, help="a folder for the labs and all that was said")
    parser.add_argument(
        "--again",
        action="store_true",
        help="run nothing: judge what --keep has by this pnl, or with --confirm as it was then",
    )
    parser.add_argument("--jobs", type=int, default=1, help="labs at a time")
    parser.add_argument("--markdown", action="store_true", help="the tables alone, for a page")
    options = parser.parse_args()
    if options.again and not options.keep:
        parser.error("--again needs --keep, the folder of labs that were run")
    return options


def run_all(seeds: list[int], options: argparse.Namespace, folder: Path) -> list[Result]:
    loop = ("--loop", str(options.rounds)) if options.rounds else ("--until-sure", "5%")
    ways = Ways(
        pnl=options.pnl.resolve(),
        # Not resolved: a virtual environment is known by the link in it.
        python=options.python.absolute(),
        parameters=Parameters(options.tests, options.workers),
        workers=options.workers,
        loop=loop,
        confirm=("--budget", options.budget) if options.budget else (),
        experiments=options.confirm,
    )

    def one(seed: int) -> Result | None:
        try:
            place = folder / f"lab-{seed}"
            result = again(place, ways) if options.again else run(seed, ways, place)
        except Broken as broken:
            print(f"lab {seed}: {broken}", file=sys.stderr, flush=True)
            return None
        print(line(result), file=sys.stderr, flush=True)
        return result

    with ThreadPoolExecutor(options.jobs) as pool:
        return [result for result in pool.map(one, seeds) if result is not None]


def line(result: Result) -> str:
    loop = table.Score.of(result.loop.rows)
    words = f"lab {result.seed}: {result.tests} tests, {result.rounds} rounds, "
    words += f"{result.loop.seconds:.0f} s, {loop.right} of {loop.failing} right"
    if result.confirmed:
        after = table.Score.of(result.confirmed.rows)
        words += f"; confirmed in {result.confirmed.seconds:.0f} s, {after.right} right"
    return words


def report(results: list[Result], *, markdown: bool) -> None:
    first = [row for result in results for row in result.loop.rows]
    last = [row for result in results if result.confirmed for row in result.confirmed.rows]
    lines = [*table.summary(results), "", *table.families(first, last)]
    if not markdown:
        lines += ["", "Wrong from the loop alone:", *table.wrong(first)]
        if last:
            lines += ["", "Wrong after experiments:", *table.wrong(last)]
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
