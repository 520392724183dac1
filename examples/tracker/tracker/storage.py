"""The records in SQLite. Owns the schema and every statement; knows nothing of HTTP.

Each call opens its own connection, so that any number of threads may call at once:
readers see the last commit, writers queue for at most `BUSY_TIMEOUT_S`.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUSY_TIMEOUT_S = 10.0
PAGE_SIZE = 100
SEARCH_HITS = 50

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    owner    TEXT NOT NULL,
    title    TEXT NOT NULL,
    progress INTEGER NOT NULL CHECK (progress BETWEEN 0 AND 100),
    notes    TEXT NOT NULL,
    archived INTEGER NOT NULL DEFAULT 0,
    cheers   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS records_by_owner ON records (owner);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counters VALUES ('cheers', 0);
"""
CHANGEABLE = ("title", "progress", "notes", "archived")

Record = dict[str, Any]


@dataclass(frozen=True)
class Page:
    number: int = 1
    size: int = PAGE_SIZE
    oldest_first: bool = False


class Storage:
    def __init__(self, path: Path) -> None:
        self._path = path
        # Held open for the application's life: SQLite folds the log back into the file,
        # slowly, whenever a file's last connection closes.
        self._anchor = self._connect()
        self._anchor.execute("PRAGMA journal_mode = WAL")
        self._anchor.executescript(SCHEMA)

    def close(self) -> None:
        self._anchor.close()

    def add(self, record: Record) -> Record:
        with self._writing() as db:
            cursor = db.execute(
                "INSERT INTO records (owner, title, progress, notes)"
                " VALUES (:owner, :title, :progress, :notes)",
                record,
            )
            record_id = cursor.lastrowid
        return {**record, "id": record_id, "archived": False, "cheers": 0}

    def get(self, record_id: int) -> Record | None:
        with self._reading() as db:
            return find(db, record_id)

    def change(self, record_id: int, changes: Record) -> Record | None:
        names = [name for name in CHANGEABLE if name in changes]
        with self._writing() as db:
            if names:
                settings = ", ".join(f"{name} = :{name}" for name in names)
                db.execute(
                    f"UPDATE records SET {settings} WHERE id = :id",
                    {**changes, "id": record_id},
                )
            return find(db, record_id)

    def page(self, page: Page, owner: str | None = None) -> tuple[list[Record], int]:
        """One page of the records that are not archived, and how many there are in all."""
        order = "ASC" if page.oldest_first else "DESC"
        chosen = "FROM records WHERE NOT archived AND (:owner IS NULL OR owner = :owner)"
        values = {
            "owner": owner,
            "size": page.size,
            "skipped": (page.number - 1) * page.size,
        }
        with self._reading() as db:
            rows = db.execute(
                f"SELECT * {chosen} ORDER BY id {order} LIMIT :size OFFSET :skipped", values
            )
            records = [to_record(row) for row in rows]
            (total,) = db.execute(f"SELECT count(*) {chosen}", values).fetchone()
        return records, total

    def search(self, text: str) -> list[Record]:
        """The newest records that are not archived and whose title or notes hold `text`."""
        for special in "\\%_":
            text = text.replace(special, "\\" + special)
        with self._reading() as db:
            rows = db.execute(
                "SELECT * FROM records WHERE NOT archived"
                " AND (title LIKE :like ESCAPE '\\' OR notes LIKE :like ESCAPE '\\')"
                " ORDER BY id DESC LIMIT :hits",
                {"like": f"%{text}%", "hits": SEARCH_HITS},
            )
            return [to_record(row) for row in rows]

    def statistics(self, owner: str | None) -> Record:
        with self._reading() as db:
            row = db.execute(
                "SELECT count(*) AS records, coalesce(sum(archived), 0) AS archived,"
                " coalesce(sum(progress = 100), 0) AS finished,"
                " coalesce(avg(progress), 0) AS average_progress"
                " FROM records WHERE :owner IS NULL OR owner = :owner",
                {"owner": owner},
            ).fetchone()
            return {**row, "total_cheers": read_total(db)}

    def cheer(self, record_id: int) -> int | None:
        """Counts a cheer for one record; answers how many it has now."""
        with self._writing() as db:
            db.execute("UPDATE records SET cheers = cheers + 1 WHERE id = ?", (record_id,))
            record = find(db, record_id)
        return record["cheers"] if record else None

    def total_cheers(self) -> int:
        with self._reading() as db:
            return read_total(db)

    def raise_total(self) -> int:
        with self._writing() as db:
            write_total(db, read_total(db) + 1)
            return read_total(db)

    def raise_total_carelessly(self, pause_s: float) -> int:
        """As `raise_total`, but loses whatever others counted during the pause."""
        total = self.total_cheers() + 1
        time.sleep(pause_s)
        with self._writing() as db:
            write_total(db, total)
        return total

    def _connect(self) -> sqlite3.Connection:
        # Autocommit, so that this module alone says where a transaction begins.
        db = sqlite3.connect(
            self._path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = NORMAL")
        return db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as db:
            # Takes the write lock at once: a lock that is taken only after reading
            # cannot wait for other writers, it fails.
            db.execute("BEGIN IMMEDIATE")
            with db:
                yield db


def find(db: sqlite3.Connection, record_id: int) -> Record | None:
    row = db.execute("SELECT * FROM records WHERE id = ?", (record_id,)).fetchone()
    return to_record(row) if row else None


def to_record(row: sqlite3.Row) -> Record:
    return {**row, "archived": bool(row["archived"])}


def read_total(db: sqlite3.Connection) -> int:
    (total,) = db.execute("SELECT value FROM counters WHERE name = 'cheers'").fetchone()
    return int(total)


def write_total(db: sqlite3.Connection, total: int) -> None:
    db.execute("UPDATE counters SET value = ? WHERE name = 'cheers'", (total,))
