"""The warm process of a project: ``python -m pnl_worker``, started by ``pnl test --warm``."""

from pnl_worker import warm

warm.main()
