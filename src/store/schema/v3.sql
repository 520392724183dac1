-- Version 3: what the next run is planned by. Never changed, as those before.

-- The last three executions of each test that came to an end by themselves, the newest first.
-- pnl reads all of this table at each start: it must not need to read executions.
CREATE TABLE durations (
    test_id INTEGER PRIMARY KEY REFERENCES tests (id),
    setup_us INTEGER NOT NULL,
    rest_us INTEGER NOT NULL,
    setup2_us INTEGER,
    rest2_us INTEGER,
    setup3_us INTEGER,
    rest3_us INTEGER
);

-- How long it took to collect each file the last time that was measured.
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL DEFAULT '',
    file TEXT NOT NULL,
    collect_us INTEGER NOT NULL,
    UNIQUE (project, file)
);

-- What workers used: the memory of the one that used most, in bytes; all their CPU time; and how
-- long all of them together ran tests. NULL where nothing was measured.
ALTER TABLE runs ADD COLUMN worker_memory INTEGER;
ALTER TABLE runs ADD COLUMN cpu_us INTEGER;
ALTER TABLE runs ADD COLUMN busy_us INTEGER;
