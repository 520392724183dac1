"""Modules of the benchmarks, and of what they are made from."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("benches", "scripts", "tests/corpus")]
