-- Version 2: retries. Never changed, as version 1.

-- How many executions passed only when they were retried.
ALTER TABLE runs ADD COLUMN flaky INTEGER;

-- 1 for an attempt that failed and was followed by another: no planned execution's end, and so in
-- no total.
ALTER TABLE executions ADD COLUMN retried INTEGER NOT NULL DEFAULT 0;

DROP VIEW results;
CREATE VIEW results AS
SELECT runs.run, tests.nodeid, e.round, e.attempt, e.retried, 'gw' || e.worker AS worker,
    outcomes.name AS outcome, e.start_us / 1e6 AS start_s,
    (e.setup_us + e.call_us + e.teardown_us) / 1e6 AS seconds, e.detail, failures.message
FROM executions AS e
JOIN runs ON runs.id = e.run_id
JOIN tests ON tests.id = e.test_id
JOIN outcomes ON outcomes.code = e.outcome
LEFT JOIN failures ON failures.id = e.failure_id;
