-- Version 4: the server under test can go away. Never changed, as those before.

-- 1 for an execution or attempt that failed while the server was away, which says nothing of the test.
ALTER TABLE executions ADD COLUMN infrastructure INTEGER NOT NULL DEFAULT 0;

-- How many of the attempts before it are such.
ALTER TABLE executions ADD COLUMN infrastructure_before INTEGER NOT NULL DEFAULT 0;

-- Times in which the server did not answer. until_us is NULL where the run ended first.
CREATE TABLE outages (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    since_us INTEGER NOT NULL,
    until_us INTEGER,
    why TEXT NOT NULL,
    hits INTEGER NOT NULL
);

DROP VIEW results;
CREATE VIEW results AS
SELECT runs.run, tests.nodeid, e.round, e.attempt, e.retried, e.infrastructure,
    'gw' || e.worker AS worker, outcomes.name AS outcome, e.start_us / 1e6 AS start_s,
    (e.setup_us + e.call_us + e.teardown_us) / 1e6 AS seconds, e.detail, failures.message
FROM executions AS e
JOIN runs ON runs.id = e.run_id
JOIN tests ON tests.id = e.test_id
JOIN outcomes ON outcomes.code = e.outcome
LEFT JOIN failures ON failures.id = e.failure_id;
