"""What all parts of the check work with."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workbench:
    """Where things are on this machine."""

    # The interpreter that has all packages of the check.
    python: Path
    # The built binary.
    pnl: Path
    # A fresh machine's environment.
    env: dict[str, str]
    # An empty folder, with a space in its name, that is removed at the end.
    scratch: Path
    # Why browser tests cannot run here; empty if they can.
    no_browser: str

    @property
    def env_for_pnl(self) -> dict[str, str]:
        """As a user who says once which interpreter is theirs."""
        return {**self.env, "PNL_PYTHON": str(self.python)}
