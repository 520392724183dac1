"""The part of pnl that runs inside the user's pytest.

pnl embeds this package, unpacks it into a private folder and names it in ``PYTHONPATH`` and
``PYTEST_PLUGINS`` of the pytest processes that it starts. It needs nothing but the standard library
and pytest (>= 7.4). The conversation with the controller is documented in docs/design/protocol.md.
"""
