"""The part of pnl that runs inside the user's pytest.

pnl embeds this package, unpacks it into a private folder and names it in ``PYTHONPATH`` and
``PYTEST_PLUGINS`` of the pytest processes that it starts. It needs nothing but the standard library
and pytest (>= 7.4). The conversation with the controller is documented in docs/design/protocol.md.
"""

import sys
import time

IMPORTED_US = time.monotonic_ns() // 1000
"""When pytest came to this package."""

DONT_WRITE_BYTECODE = sys.dont_write_bytecode
"""The user's word. It does not hold for this package, which lies in a folder of pnl's own and takes
a tenth of pytest's start to compile; plugin.py, which imports all of it, gives it back."""

sys.dont_write_bytecode = False
