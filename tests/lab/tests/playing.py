"""A drawn lab with its server, whose tests can be played alone, beside and after each other."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from draw import draw
from planting.composition import Parameters
from scoring.laboratory import serving

# Another one draws other parameters of each family.
SEED = int(os.environ.get("LAB_SEED", "1"))
HERE = Path(__file__).parent

Lane = list[str]
Scene = list[Lane]


class Lab:
    """A lab's truth, and its tests on stage."""

    def __init__(self, folder: Path, truth: dict[str, Any]) -> None:
        self.folder = folder
        self.url = ""
        self.tests: dict[str, dict[str, Any]] = truth["tests"]

    def of(self, family: str) -> list[str]:
        """A family's node ids, as planted: the victim before its culprits."""
        return [name for name, true in self.tests.items() if true["family"] == family]

    def play(self, *scenes: Scene) -> list[list[list[bool]]]:
        """Which tests passed, one scene after the other."""
        (self.folder / "scenes.json").write_text(json.dumps(scenes))
        played = self.folder / "played.json"
        played.unlink(missing_ok=True)
        names = sorted({name for scene in scenes for lane in scene for name in lane})
        words = ["-q", "-p", "no:cacheprovider", "-p", "stage", *names]
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=self.folder,
            env={
                **os.environ,
                "E2E_BASE_URL": self.url,
                "PYTHONPATH": str(HERE),
                "LAB_SCENES": str(self.folder / "scenes.json"),
                "LAB_PLAYED": str(played),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert played.exists(), ended.stdout + ended.stderr
        found: list[list[list[bool]]] = json.loads(played.read_text())
        return found


@contextmanager
def playing(folder: Path, *families: str, settings: dict[str, Any] | None = None) -> Iterator[Lab]:
    """A lab of these families; `settings` go before what was drawn."""
    lab = Lab(folder, draw(SEED, Parameters(families=families), folder))
    if settings:
        (folder / "settings.json").write_text(json.dumps(settings))
    with serving(folder, Path(sys.executable)) as lab.url:
        yield lab
