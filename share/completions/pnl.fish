# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pnl_global_optspecs
    string join \n h/help V/version
end

function __fish_pnl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pnl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pnl_using_subcommand
    set -l cmd (__fish_pnl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pnl -n "__fish_pnl_needs_command" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_needs_command" -s V -l version -d 'Print version'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "test" -d 'Run tests, once or in a loop'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "loop" -d 'Run a scope in a loop: the older name of `pnl test e2e --loop COUNT`'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "verify" -d 'Run tests once by plain pytest and once by pnl, and print what differs'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "confirm" -d 'Try by experiment what a recorded run says of the tests that failed in it'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "show" -d 'Print a stored run, or one test\'s whole story'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "flaky" -d 'Judge tests over many stored runs: which fail, how often, and why'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "watch" -d 'Run tests when files are saved, failed ones first'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "replay" -d 'Do a recorded run again: the same tests in the same order beside the same others'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "warm" -d 'List or end the warm processes that `pnl test --warm` leaves'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "history" -d 'List stored runs'
complete -c pnl -n "__fish_pnl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pnl -n "__fish_pnl_using_subcommand test" -l loop -d 'Repeat for N rounds' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l duration -d 'Keep starting rounds until T has passed (60, 90s, 10m, 24h); a round begun is finished' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l until-sure -d 'Repeat, whatever fails, until each test is known with 95% to fail less often than RATE (5%, 0.01) or has failed, or --loop or --duration is reached' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -s n -l workers -d 'Worker processes; left out: half of the CPUs, at most one a test [env: PNL_WORKERS]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l dist -d 'How tests are dealt out: load, loadscope, loadfile, loadgroup, worksteal, each or no, as in pytest-xdist; left out: pnl\'s own way [env: PNL_DIST]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l delay -d 'Wait between rounds, never past the deadline [env: PNL_DELAY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l base-url -d 'The server under test, which tests read as E2E_BASE_URL; pnl never starts one [env: E2E_BASE_URL] [default: http://127.0.0.1:8000]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l max-fail -d 'Stop a round after N failures [env: PNL_MAX_FAIL]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l collect -d 'Where tests are collected: full (all of them before the first is run), auto (by the workers, file by file, while others run, unless something needs all tests at once) or spread (also where a hook then sees one file\'s tests at a time) [env: PNL_COLLECT] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l retries -d 'Try a failed test up to N more times; one that then passes is flaky [env: PNL_RETRIES]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l flaky -d 'What a test that passed only when it was retried does to the exit code: pass or fail [env: PNL_FLAKY] [default: pass]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l timeout -d 'End a test that takes longer than T, set-up and tear-down included, and go on with the others; 0 for none [env: PNL_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l slow -d 'Name tests that have been running for longer than T; 0 for never [env: PNL_SLOW] [default: 60s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l run-timeout -d 'End the run after T as if by Ctrl-C, tests that run then with it; exit code 1; 0 for never [env: PNL_RUN_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l collect-timeout -d 'End the run if collection takes longer than T; 0 for never [env: PNL_COLLECT_TIMEOUT] [default: 10m]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l grace -d 'What running tests get for their tear-down when the run is interrupted [env: PNL_GRACE] [default: 10s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l max-worker-memory -d 'Replace a worker after a test when it has more memory of its own than SIZE (512M, 2G) [env: PNL_MAX_WORKER_MEMORY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l max-tests-per-worker -d 'Replace a worker after N tests [env: PNL_MAX_TESTS_PER_WORKER]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l leak -d 'What a process that a test left behind does to the exit code: report (nothing) or fail; it is named and ended either way [env: PNL_LEAK] [default: report]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l server-lost -d 'What to do when the server goes away: stop, wait (until it answers, and run again what was hit) or ignore [env: PNL_SERVER_LOST] [default: stop]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l vary -d 'Whether the rounds of a loop differ in what shares a worker and what runs beside what: auto (with two or more workers, where neither --dist nor --shuffle says otherwise), on or off [env: PNL_VARY] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l shuffle -d 'Shuffle files, and tests within files; each round differently, the same with the same seed' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l isolation -d 'What workers keep between rounds: round (nothing) or none (everything, session fixtures and open browsers too) [env: PNL_ISOLATION] [default: round]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l engine -d 'What runs the tests: fork, spawn, xdist or pytest [env: PNL_ENGINE] [default: fork]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l output -d 'What happens to what tests print: captured (shown with a failure) or live [env: PNL_OUTPUT] [default: captured]' -r
complete -c pnl -n "__fish_pnl_using_subcommand test" -l python -d 'The interpreter; left out: VIRTUAL_ENV, then .venv upwards from here, then python3 on PATH [env: PNL_PYTHON]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand test" -l junit -d 'Write a JUnit report [env: PNL_JUNIT]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand test" -l jsonl -d 'Write every event as a line of JSON, as it happens [env: PNL_JSONL]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand test" -l until-failure -d 'Repeat until a round fails, or --loop or --duration is reached'
complete -c pnl -n "__fish_pnl_using_subcommand test" -l keep-going -d 'Go on after a round with failures [env: PNL_KEEP_GOING]'
complete -c pnl -n "__fish_pnl_using_subcommand test" -l headed -d 'Show the browser (passed on to pytest-playwright) [env: PNL_HEADED]'
complete -c pnl -n "__fish_pnl_using_subcommand test" -l probe-tests -d 'With -n 1 and a state_probe in the configuration: ask for the server\'s state around each test, and name those that leave it changed'
complete -c pnl -n "__fish_pnl_using_subcommand test" -l warm -d 'Use the project\'s warm process, which has libraries loaded: the first call leaves it, later calls find it, and it ends by itself (pnl warm status, pnl warm stop) [env: PNL_WARM]'
complete -c pnl -n "__fish_pnl_using_subcommand test" -l timings -d 'Print at the end where the time went, from the command to its end'
complete -c pnl -n "__fish_pnl_using_subcommand test" -l dry-run -d 'Print what would run, and run nothing'
complete -c pnl -n "__fish_pnl_using_subcommand test" -s q -l quiet -d 'Print only failures in short and the last line'
complete -c pnl -n "__fish_pnl_using_subcommand test" -s v -l verbose -d 'Print a line for each test'
complete -c pnl -n "__fish_pnl_using_subcommand test" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l duration -d 'Keep starting rounds until T has passed (60, 90s, 10m, 24h); a round begun is finished' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l scope -d 'Scope, path or node id' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -s n -l workers -d 'Worker processes; left out: half of the CPUs, at most one a test [env: PNL_WORKERS]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l dist -d 'How tests are dealt out: load, loadscope, loadfile, loadgroup, worksteal, each or no, as in pytest-xdist; left out: pnl\'s own way [env: PNL_DIST]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l delay -d 'Wait between rounds, never past the deadline [env: PNL_DELAY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l base-url -d 'The server under test, which tests read as E2E_BASE_URL; pnl never starts one [env: E2E_BASE_URL] [default: http://127.0.0.1:8000]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l max-fail -d 'Stop a round after N failures [env: PNL_MAX_FAIL]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l collect -d 'Where tests are collected: full (all of them before the first is run), auto (by the workers, file by file, while others run, unless something needs all tests at once) or spread (also where a hook then sees one file\'s tests at a time) [env: PNL_COLLECT] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l retries -d 'Try a failed test up to N more times; one that then passes is flaky [env: PNL_RETRIES]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l flaky -d 'What a test that passed only when it was retried does to the exit code: pass or fail [env: PNL_FLAKY] [default: pass]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l timeout -d 'End a test that takes longer than T, set-up and tear-down included, and go on with the others; 0 for none [env: PNL_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l slow -d 'Name tests that have been running for longer than T; 0 for never [env: PNL_SLOW] [default: 60s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l run-timeout -d 'End the run after T as if by Ctrl-C, tests that run then with it; exit code 1; 0 for never [env: PNL_RUN_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l collect-timeout -d 'End the run if collection takes longer than T; 0 for never [env: PNL_COLLECT_TIMEOUT] [default: 10m]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l grace -d 'What running tests get for their tear-down when the run is interrupted [env: PNL_GRACE] [default: 10s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l max-worker-memory -d 'Replace a worker after a test when it has more memory of its own than SIZE (512M, 2G) [env: PNL_MAX_WORKER_MEMORY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l max-tests-per-worker -d 'Replace a worker after N tests [env: PNL_MAX_TESTS_PER_WORKER]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l leak -d 'What a process that a test left behind does to the exit code: report (nothing) or fail; it is named and ended either way [env: PNL_LEAK] [default: report]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l server-lost -d 'What to do when the server goes away: stop, wait (until it answers, and run again what was hit) or ignore [env: PNL_SERVER_LOST] [default: stop]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l vary -d 'Whether the rounds of a loop differ in what shares a worker and what runs beside what: auto (with two or more workers, where neither --dist nor --shuffle says otherwise), on or off [env: PNL_VARY] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l shuffle -d 'Shuffle files, and tests within files; each round differently, the same with the same seed' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l isolation -d 'What workers keep between rounds: round (nothing) or none (everything, session fixtures and open browsers too) [env: PNL_ISOLATION] [default: round]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l engine -d 'What runs the tests: fork, spawn, xdist or pytest [env: PNL_ENGINE] [default: fork]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l output -d 'What happens to what tests print: captured (shown with a failure) or live [env: PNL_OUTPUT] [default: captured]' -r
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l python -d 'The interpreter; left out: VIRTUAL_ENV, then .venv upwards from here, then python3 on PATH [env: PNL_PYTHON]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l junit -d 'Write a JUnit report [env: PNL_JUNIT]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l jsonl -d 'Write every event as a line of JSON, as it happens [env: PNL_JSONL]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l keep-going -d 'Go on after a round with failures [env: PNL_KEEP_GOING]'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l headed -d 'Show the browser (passed on to pytest-playwright) [env: PNL_HEADED]'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l probe-tests -d 'With -n 1 and a state_probe in the configuration: ask for the server\'s state around each test, and name those that leave it changed'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l warm -d 'Use the project\'s warm process, which has libraries loaded: the first call leaves it, later calls find it, and it ends by itself (pnl warm status, pnl warm stop) [env: PNL_WARM]'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l timings -d 'Print at the end where the time went, from the command to its end'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -l dry-run -d 'Print what would run, and run nothing'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -s q -l quiet -d 'Print only failures in short and the last line'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -s v -l verbose -d 'Print a line for each test'
complete -c pnl -n "__fish_pnl_using_subcommand loop" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l loop -d 'Repeat for N rounds' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l duration -d 'Keep starting rounds until T has passed (60, 90s, 10m, 24h); a round begun is finished' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l until-sure -d 'Repeat, whatever fails, until each test is known with 95% to fail less often than RATE (5%, 0.01) or has failed, or --loop or --duration is reached' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -s n -l workers -d 'Worker processes; left out: half of the CPUs, at most one a test [env: PNL_WORKERS]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l dist -d 'How tests are dealt out: load, loadscope, loadfile, loadgroup, worksteal, each or no, as in pytest-xdist; left out: pnl\'s own way [env: PNL_DIST]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l delay -d 'Wait between rounds, never past the deadline [env: PNL_DELAY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l base-url -d 'The server under test, which tests read as E2E_BASE_URL; pnl never starts one [env: E2E_BASE_URL] [default: http://127.0.0.1:8000]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l max-fail -d 'Stop a round after N failures [env: PNL_MAX_FAIL]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l collect -d 'Where tests are collected: full (all of them before the first is run), auto (by the workers, file by file, while others run, unless something needs all tests at once) or spread (also where a hook then sees one file\'s tests at a time) [env: PNL_COLLECT] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l retries -d 'Try a failed test up to N more times; one that then passes is flaky [env: PNL_RETRIES]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l flaky -d 'What a test that passed only when it was retried does to the exit code: pass or fail [env: PNL_FLAKY] [default: pass]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l timeout -d 'End a test that takes longer than T, set-up and tear-down included, and go on with the others; 0 for none [env: PNL_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l slow -d 'Name tests that have been running for longer than T; 0 for never [env: PNL_SLOW] [default: 60s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l run-timeout -d 'End the run after T as if by Ctrl-C, tests that run then with it; exit code 1; 0 for never [env: PNL_RUN_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l collect-timeout -d 'End the run if collection takes longer than T; 0 for never [env: PNL_COLLECT_TIMEOUT] [default: 10m]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l grace -d 'What running tests get for their tear-down when the run is interrupted [env: PNL_GRACE] [default: 10s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l max-worker-memory -d 'Replace a worker after a test when it has more memory of its own than SIZE (512M, 2G) [env: PNL_MAX_WORKER_MEMORY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l max-tests-per-worker -d 'Replace a worker after N tests [env: PNL_MAX_TESTS_PER_WORKER]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l leak -d 'What a process that a test left behind does to the exit code: report (nothing) or fail; it is named and ended either way [env: PNL_LEAK] [default: report]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l server-lost -d 'What to do when the server goes away: stop, wait (until it answers, and run again what was hit) or ignore [env: PNL_SERVER_LOST] [default: stop]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l vary -d 'Whether the rounds of a loop differ in what shares a worker and what runs beside what: auto (with two or more workers, where neither --dist nor --shuffle says otherwise), on or off [env: PNL_VARY] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l shuffle -d 'Shuffle files, and tests within files; each round differently, the same with the same seed' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l isolation -d 'What workers keep between rounds: round (nothing) or none (everything, session fixtures and open browsers too) [env: PNL_ISOLATION] [default: round]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l engine -d 'What runs the tests: fork, spawn, xdist or pytest [env: PNL_ENGINE] [default: fork]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l output -d 'What happens to what tests print: captured (shown with a failure) or live [env: PNL_OUTPUT] [default: captured]' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l python -d 'The interpreter; left out: VIRTUAL_ENV, then .venv upwards from here, then python3 on PATH [env: PNL_PYTHON]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l junit -d 'Write a JUnit report [env: PNL_JUNIT]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l jsonl -d 'Write every event as a line of JSON, as it happens [env: PNL_JSONL]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l reruns -d 'Run tests that differ again, N times each way; 0 for not at all' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l format -d 'For people or for programs' -r
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l until-failure -d 'Repeat until a round fails, or --loop or --duration is reached'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l keep-going -d 'Go on after a round with failures [env: PNL_KEEP_GOING]'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l headed -d 'Show the browser (passed on to pytest-playwright) [env: PNL_HEADED]'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l probe-tests -d 'With -n 1 and a state_probe in the configuration: ask for the server\'s state around each test, and name those that leave it changed'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l warm -d 'Use the project\'s warm process, which has libraries loaded: the first call leaves it, later calls find it, and it ends by itself (pnl warm status, pnl warm stop) [env: PNL_WARM]'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l timings -d 'Print at the end where the time went, from the command to its end'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -l dry-run -d 'Print what would run, and run nothing'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -s q -l quiet -d 'Print only failures in short and the last line'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -s v -l verbose -d 'Print a line for each test'
complete -c pnl -n "__fish_pnl_using_subcommand verify" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand confirm" -l budget -d 'What the experiments may cost: executions (2000) or time (90s, 5m, 1h)' -r
complete -c pnl -n "__fish_pnl_using_subcommand confirm" -l format -d 'For people or for programs' -r
complete -c pnl -n "__fish_pnl_using_subcommand confirm" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand show" -l test -d 'One test\'s whole story: over all runs of tests, or in RUN' -r
complete -c pnl -n "__fish_pnl_using_subcommand show" -l format -d 'For people or for programs' -r
complete -c pnl -n "__fish_pnl_using_subcommand show" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand flaky" -l since -d 'How far back runs are looked at (90m, 36h, 14d, 2w)' -r
complete -c pnl -n "__fish_pnl_using_subcommand flaky" -l format -d 'For people or for programs' -r
complete -c pnl -n "__fish_pnl_using_subcommand flaky" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l loop -d 'Repeat for N rounds' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l duration -d 'Keep starting rounds until T has passed (60, 90s, 10m, 24h); a round begun is finished' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l until-sure -d 'Repeat, whatever fails, until each test is known with 95% to fail less often than RATE (5%, 0.01) or has failed, or --loop or --duration is reached' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -s n -l workers -d 'Worker processes; left out: half of the CPUs, at most one a test [env: PNL_WORKERS]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l dist -d 'How tests are dealt out: load, loadscope, loadfile, loadgroup, worksteal, each or no, as in pytest-xdist; left out: pnl\'s own way [env: PNL_DIST]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l delay -d 'Wait between rounds, never past the deadline [env: PNL_DELAY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l base-url -d 'The server under test, which tests read as E2E_BASE_URL; pnl never starts one [env: E2E_BASE_URL] [default: http://127.0.0.1:8000]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l max-fail -d 'Stop a round after N failures [env: PNL_MAX_FAIL]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l collect -d 'Where tests are collected: full (all of them before the first is run), auto (by the workers, file by file, while others run, unless something needs all tests at once) or spread (also where a hook then sees one file\'s tests at a time) [env: PNL_COLLECT] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l retries -d 'Try a failed test up to N more times; one that then passes is flaky [env: PNL_RETRIES]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l flaky -d 'What a test that passed only when it was retried does to the exit code: pass or fail [env: PNL_FLAKY] [default: pass]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l timeout -d 'End a test that takes longer than T, set-up and tear-down included, and go on with the others; 0 for none [env: PNL_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l slow -d 'Name tests that have been running for longer than T; 0 for never [env: PNL_SLOW] [default: 60s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l run-timeout -d 'End the run after T as if by Ctrl-C, tests that run then with it; exit code 1; 0 for never [env: PNL_RUN_TIMEOUT]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l collect-timeout -d 'End the run if collection takes longer than T; 0 for never [env: PNL_COLLECT_TIMEOUT] [default: 10m]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l grace -d 'What running tests get for their tear-down when the run is interrupted [env: PNL_GRACE] [default: 10s]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l max-worker-memory -d 'Replace a worker after a test when it has more memory of its own than SIZE (512M, 2G) [env: PNL_MAX_WORKER_MEMORY]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l max-tests-per-worker -d 'Replace a worker after N tests [env: PNL_MAX_TESTS_PER_WORKER]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l leak -d 'What a process that a test left behind does to the exit code: report (nothing) or fail; it is named and ended either way [env: PNL_LEAK] [default: report]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l server-lost -d 'What to do when the server goes away: stop, wait (until it answers, and run again what was hit) or ignore [env: PNL_SERVER_LOST] [default: stop]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l vary -d 'Whether the rounds of a loop differ in what shares a worker and what runs beside what: auto (with two or more workers, where neither --dist nor --shuffle says otherwise), on or off [env: PNL_VARY] [default: auto]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l shuffle -d 'Shuffle files, and tests within files; each round differently, the same with the same seed' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l isolation -d 'What workers keep between rounds: round (nothing) or none (everything, session fixtures and open browsers too) [env: PNL_ISOLATION] [default: round]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l engine -d 'What runs the tests: fork, spawn, xdist or pytest [env: PNL_ENGINE] [default: fork]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l output -d 'What happens to what tests print: captured (shown with a failure) or live [env: PNL_OUTPUT] [default: captured]' -r
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l python -d 'The interpreter; left out: VIRTUAL_ENV, then .venv upwards from here, then python3 on PATH [env: PNL_PYTHON]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l junit -d 'Write a JUnit report [env: PNL_JUNIT]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l jsonl -d 'Write every event as a line of JSON, as it happens [env: PNL_JSONL]' -r -F
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l until-failure -d 'Repeat until a round fails, or --loop or --duration is reached'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l keep-going -d 'Go on after a round with failures [env: PNL_KEEP_GOING]'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l headed -d 'Show the browser (passed on to pytest-playwright) [env: PNL_HEADED]'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l probe-tests -d 'With -n 1 and a state_probe in the configuration: ask for the server\'s state around each test, and name those that leave it changed'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l warm -d 'Use the project\'s warm process, which has libraries loaded: the first call leaves it, later calls find it, and it ends by itself (pnl warm status, pnl warm stop) [env: PNL_WARM]'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l timings -d 'Print at the end where the time went, from the command to its end'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -l dry-run -d 'Print what would run, and run nothing'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -s q -l quiet -d 'Print only failures in short and the last line'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -s v -l verbose -d 'Print a line for each test'
complete -c pnl -n "__fish_pnl_using_subcommand watch" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand replay" -l round -d 'Only this round; left out: all of them, or with --test the first in which that test failed' -r
complete -c pnl -n "__fish_pnl_using_subcommand replay" -l test -d 'Only up to the end of this test, given by its node id' -r
complete -c pnl -n "__fish_pnl_using_subcommand replay" -l format -d 'How to print how far the replay followed the record' -r
complete -c pnl -n "__fish_pnl_using_subcommand replay" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and not __fish_seen_subcommand_from status stop help" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and not __fish_seen_subcommand_from status stop help" -f -a "status" -d 'List them: process, project, age, memory, runs served'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and not __fish_seen_subcommand_from status stop help" -f -a "stop" -d 'End all of them, each once the runs that it has forked are over'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and not __fish_seen_subcommand_from status stop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and __fish_seen_subcommand_from help" -f -a "status" -d 'List them: process, project, age, memory, runs served'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and __fish_seen_subcommand_from help" -f -a "stop" -d 'End all of them, each once the runs that it has forked are over'
complete -c pnl -n "__fish_pnl_using_subcommand warm; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pnl -n "__fish_pnl_using_subcommand history" -l limit -d 'How many runs, the newest first' -r
complete -c pnl -n "__fish_pnl_using_subcommand history" -l format -d 'For people or for programs' -r
complete -c pnl -n "__fish_pnl_using_subcommand history" -s h -l help -d 'Print help'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "test" -d 'Run tests, once or in a loop'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "loop" -d 'Run a scope in a loop: the older name of `pnl test e2e --loop COUNT`'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "verify" -d 'Run tests once by plain pytest and once by pnl, and print what differs'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "confirm" -d 'Try by experiment what a recorded run says of the tests that failed in it'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "show" -d 'Print a stored run, or one test\'s whole story'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "flaky" -d 'Judge tests over many stored runs: which fail, how often, and why'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "watch" -d 'Run tests when files are saved, failed ones first'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "replay" -d 'Do a recorded run again: the same tests in the same order beside the same others'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "warm" -d 'List or end the warm processes that `pnl test --warm` leaves'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "history" -d 'List stored runs'
complete -c pnl -n "__fish_pnl_using_subcommand help; and not __fish_seen_subcommand_from test loop verify confirm show flaky watch replay warm history help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pnl -n "__fish_pnl_using_subcommand help; and __fish_seen_subcommand_from warm" -f -a "status" -d 'List them: process, project, age, memory, runs served'
complete -c pnl -n "__fish_pnl_using_subcommand help; and __fish_seen_subcommand_from warm" -f -a "stop" -d 'End all of them, each once the runs that it has forked are over'
