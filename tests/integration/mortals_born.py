"""Imported by the process that daemons are forked from: one life, so that theirs begin warm.

Modules, the calendar, the grammar of the rules: without this each of them had its own to load.
"""

import asyncio
import tempfile
from pathlib import Path

from tests.integration.mortals import Mortal, run
from tests.integration.recordings import record
from whispr_daemon import log
from whispr_daemon.settings import Settings


async def _live() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorded = await record(folder, sessions=1)
        await run(Settings(**Mortal(folder, recorded.minutes, pace=0).settings))


log.configure("critical", "json", None)
asyncio.run(_live())
