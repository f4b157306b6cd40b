"""The event loop that a daemon runs on: uvloop's, which takes less of the processor."""

import asyncio
from importlib import import_module

import structlog

_log = structlog.get_logger("whispr.loop")


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that does not run yet: asyncio's own where there is no uvloop (Windows)."""
    try:
        uvloop = import_module("uvloop")
    except ImportError:
        return asyncio.new_event_loop()
    made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return made


def tell_loop() -> None:
    """Say in the log on which loop this process runs."""
    _log.info("event loop", loop=type(asyncio.get_running_loop()).__module__)
