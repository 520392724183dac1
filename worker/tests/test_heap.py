"""A frozen heap is not seen by whoever asks the garbage collector."""

import gc
import subprocess
import sys
import textwrap
from pathlib import Path

from pnl_worker import heap

WHAT_IS_SEEN = """
    import gc, sys

    def coroutine():
        async def ask():
            thing = Exception()
            return len(gc.get_referrers(thing))

        try:
            ask().send(None)
        except StopIteration as end:
            return end.value

    class Known:
        pass

    known = Known()
    holder = [known]
    FREEZE
    referrers = coroutine()
    held = any(it is holder for it in gc.get_referrers(known))
    listed = any(it is known for it in gc.get_objects())
    print(referrers, held, listed, gc.get_freeze_count())
"""


def seen(freeze):
    text = textwrap.dedent(WHAT_IS_SEEN).replace("FREEZE", freeze)
    folder = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_what_is_asked_of_the_collector_is_the_same_with_a_frozen_heap():
    plain = seen("")
    assert seen("from pnl_worker import heap; heap.watch(); heap.freeze()") == plain
    assert seen("gc.freeze()") != plain, "what the module is for"


def test_pytests_own_collections_leave_the_template_frozen():
    text = "from pnl_worker import heap; heap.watch(); heap.freeze(); gc.collect()"
    text += "\nprint(heap._is_frozen)"
    assert seen(text).startswith("True")


def test_a_suites_own_thresholds_outlive_its_collection():
    before = gc.get_threshold()
    try:
        with heap.seldom_collected():
            assert gc.get_threshold() != before
        assert gc.get_threshold() == before
        with heap.seldom_collected():
            gc.set_threshold(1, 2, 3)
        assert gc.get_threshold() == (1, 2, 3)
    finally:
        gc.set_threshold(*before)
