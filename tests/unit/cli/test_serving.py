"""The first signal asks for a clean stop, the second ends at once."""

import asyncio
import os
import signal

import pytest
import typer

from whispr_daemon.cli.serving import Stop, serve
from whispr_daemon.cli.terminal import INTERRUPTED

SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_and_what_ends_by_itself_is_no_failure(number: signal.Signals) -> None:
    async def work(stop: Stop) -> str:
        asked = asyncio.Event()
        stop.by(asked.set)
        os.kill(os.getpid(), number)
        await asked.wait()
        return "drained"

    assert serve(work) == "drained"


def test_the_second_signal_ends_what_does_not_come_to_its_end() -> None:
    closed = []

    async def work(stop: Stop) -> None:
        asked = asyncio.Event()
        stop.by(asked.set)
        os.kill(os.getpid(), signal.SIGTERM)
        await asked.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            closed.append("in order")

    with pytest.raises(typer.Exit) as ended:
        serve(work)
    assert ended.value.exit_code == INTERRUPTED
    assert closed == ["in order"]


def test_a_signal_ends_at_once_what_has_not_begun() -> None:
    async def work(stop: Stop) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        assert stop.asked

    with pytest.raises(typer.Exit) as ended:
        serve(work)
    assert ended.value.exit_code == INTERRUPTED
