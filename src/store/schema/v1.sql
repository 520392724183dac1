-- Version 1. Never changed: what comes later is a further file. docs/history.md explains it.
-- No STRICT tables: the sqlite3 of Debian 11 could not read them.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,
    started_us INTEGER NOT NULL,
    scope TEXT NOT NULL,
    command TEXT NOT NULL,
    root TEXT NOT NULL,
    engine TEXT NOT NULL,
    dist TEXT NOT NULL,
    isolation TEXT NOT NULL,
    workers_asked INTEGER NOT NULL,
    rounds_planned INTEGER,
    server_url TEXT,
    server_from TEXT,
    python TEXT NOT NULL,
    python_version TEXT NOT NULL,
    python_from TEXT NOT NULL,
    pytest_version TEXT NOT NULL,
    -- Text, because it has 64 bits and SQLite's integers have a sign.
    seed TEXT,
    -- Known once the tests are collected.
    workers INTEGER,
    collected INTEGER,
    -- Known once the run has ended.
    elapsed_us INTEGER,
    rounds_run INTEGER,
    stop_reason TEXT,
    stop_detail TEXT,
    exit_code INTEGER,
    passed INTEGER,
    failed INTEGER,
    error INTEGER,
    skipped INTEGER,
    xfailed INTEGER,
    xpassed INTEGER,
    timed_out INTEGER,
    crashed INTEGER,
    interrupted INTEGER,
    not_run INTEGER
);
CREATE INDEX runs_by_start ON runs (started_us);

CREATE TABLE rounds (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    round INTEGER NOT NULL,
    workers INTEGER NOT NULL,
    planned INTEGER,
    start_us INTEGER NOT NULL,
    elapsed_us INTEGER,
    PRIMARY KEY (run_id, round)
) WITHOUT ROWID;

CREATE TABLE tests (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL DEFAULT '',
    nodeid TEXT NOT NULL,
    line INTEGER,
    UNIQUE (project, nodeid)
);

CREATE TABLE failures (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    message TEXT NOT NULL,
    text TEXT NOT NULL,
    sections TEXT NOT NULL,
    path TEXT,
    line INTEGER
);

CREATE TABLE outcomes (
    code INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO outcomes VALUES
    (0, 'passed'), (1, 'failed'), (2, 'error'), (3, 'skipped'), (4, 'xfailed'), (5, 'xpassed'),
    (6, 'timed_out'), (7, 'crashed'), (8, 'interrupted'), (9, 'not_run');

-- A run's executions lie together in the order in which they were reported: writing appends,
-- and reading a run reads one range, without an index of its own.
CREATE TABLE executions (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    seq INTEGER NOT NULL,
    round INTEGER NOT NULL,
    test_id INTEGER NOT NULL REFERENCES tests (id),
    position INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker INTEGER,
    outcome INTEGER NOT NULL REFERENCES outcomes (code),
    start_us INTEGER NOT NULL,
    reported_us INTEGER NOT NULL,
    setup_us INTEGER NOT NULL,
    call_us INTEGER NOT NULL,
    teardown_us INTEGER NOT NULL,
    detail TEXT,
    failure_id INTEGER REFERENCES failures (id),
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

-- For people with sqlite3; pnl itself does not use it.
CREATE VIEW results AS
SELECT runs.run, tests.nodeid, e.round, e.attempt, 'gw' || e.worker AS worker,
    outcomes.name AS outcome, e.start_us / 1e6 AS start_s,
    (e.setup_us + e.call_us + e.teardown_us) / 1e6 AS seconds, e.detail, failures.message
FROM executions AS e
JOIN runs ON runs.id = e.run_id
JOIN tests ON tests.id = e.test_id
JOIN outcomes ON outcomes.code = e.outcome
LEFT JOIN failures ON failures.id = e.failure_id;
