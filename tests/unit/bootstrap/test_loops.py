"""Which event loop a daemon runs on, with uvloop and without it."""

import asyncio
import sys
from importlib.util import find_spec

import pytest
from structlog.testing import capture_logs

from whispr_daemon.bootstrap.loops import new_loop, tell_loop


async def told() -> str:
    """Return what the log says this loop is."""
    with capture_logs() as logged:
        tell_loop()
    (line,) = logged
    return str(line["loop"])


def test_it_is_that_of_uvloop_where_there_is_one() -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(told()).startswith("uvloop" if find_spec("uvloop") else "asyncio")


def test_without_uvloop_it_is_asyncios_own_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(told()).startswith("asyncio")
