"""The list of plugins, and the environment that each of them has to itself."""

import os
import pwd
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import machine

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Row:
    """An entry of plugins.toml."""

    name: str
    title: str
    requirements: list[str]
    options: list[str]
    pnl: list[str]
    rounds: int
    env: dict[str, str]
    facts: str
    killed: str
    says: str
    user: str
    needs: str
    remark: str

    @property
    def key(self) -> str:
        return self.title.replace(" ", "-").replace(",", "").replace("'", "")

    @property
    def suite(self) -> Path:
        return HERE / self.name

    @property
    def version(self) -> str:
        """Of the plugin, as pinned."""
        pins = dict(pin.split("==") for pin in self.requirements)
        return str(pins[self.name])

    @property
    def prefix(self) -> tuple[str, ...]:
        """What makes root look like the row's user, to servers that root must not start."""
        if not self.user or os.geteuid() != 0:
            return ()
        user = pwd.getpwnam(self.user)
        return ("unshare", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}")

    def environment(self, work: Path) -> Path:
        """Its interpreter. A plugin is tried without any other but xdist."""
        file = work / "requirements" / f"{self.name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(self.requirements) + "\n")
        return machine.virtual_environment(work / "venvs" / self.name, [file])


def read_rows() -> list[Row]:
    found = tomllib.loads((HERE / "plugins.toml").read_text())
    base = [f"pytest=={found['pytest']}", f"pytest-xdist=={found['xdist']}"]
    return [entry(row, base) for row in found["row"]]


def entry(row: dict[str, Any], base: list[str]) -> Row:
    return Row(
        name=row["name"],
        title=row.get("title", row["name"]),
        requirements=[*base, *row["requires"]],
        options=row.get("options", []),
        pnl=row.get("pnl", []),
        rounds=row.get("rounds", 1),
        env=row.get("env", {}),
        facts=row.get("facts", "nothing"),
        killed=row.get("killed", ""),
        says=row.get("says", ""),
        user=row.get("user", ""),
        needs=row.get("needs", ""),
        remark=row.get("remark", ""),
    )
