-- Version 5: verdicts. Never changed, as those before.

-- Executions of the same number in a run shared a process; NULL where that is not known.
ALTER TABLE executions ADD COLUMN process INTEGER;

-- What the run was for: 'tests', 'replay' or 'experiment'.
ALTER TABLE runs ADD COLUMN purpose TEXT NOT NULL DEFAULT 'tests';

-- What the state probe said. Between rounds test_id is NULL, and round is the one that was over, 0
-- before the first.
CREATE TABLE probes (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    round INTEGER NOT NULL,
    test_id INTEGER REFERENCES tests (id),
    at_us INTEGER NOT NULL,
    hash TEXT,
    error TEXT
);
CREATE INDEX probes_by_run ON probes (run_id);

-- What experiments said of a verdict on a run. `verdict` and `arms` are JSON.
CREATE TABLE confirmations (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    test_id INTEGER NOT NULL REFERENCES tests (id),
    by_run_id INTEGER REFERENCES runs (id),
    at_us INTEGER NOT NULL,
    confirmed INTEGER,
    verdict TEXT NOT NULL,
    arms TEXT NOT NULL
);
CREATE INDEX confirmations_by_run ON confirmations (run_id);

CREATE INDEX executions_by_test ON executions (test_id) WHERE outcome IN (1, 2, 6, 7);
