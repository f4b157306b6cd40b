"""What of log and store fails is known by name, since when and why; and when it is over."""

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.simulation.faults import Figures
from tests.simulation.memory_store import MemoryStore
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.domain.errors import Fatal, Fenced, Transient
from whispr_daemon.engine.troubles import Troubles
from whispr_daemon.ports.metrics import PORT_FAILURES, PORT_UP


class Disk(MemoryStore):
    """A store that can be read, and written while there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None

    async def set_desired(self, body: bytes) -> None:
        if self.error is not None:
            raise self.error
        await super().set_desired(body)


class Stage:
    """A disk that is watched."""

    def __init__(self) -> None:
        self.clock, self.figures, self.disk = ManualClock(), Figures(), Disk()
        self.troubles = Troubles(self.clock, self.figures)
        self.store = self.troubles.watch("store", self.disk)

    async def fails(self) -> None:
        self.disk.error = Transient("the disk is full")
        with pytest.raises(Transient):
            await self.store.set_desired(b"body")


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(autouse=True)
def journal() -> Iterator[list[Any]]:
    with capture_logs() as logged:
        yield logged


def told(stage: Stage) -> list[str]:
    return [each.describe() for each in stage.troubles.told()]


async def test_what_fails_is_told_with_its_reason_and_since_when(stage: Stage) -> None:
    await stage.fails()
    stage.clock.advance(7)
    await stage.fails()
    assert told(stage) == ["store: set_desired has failed for 7 s: the disk is full"]
    assert stage.figures.gauges[PORT_UP.name, "store"] == 0
    assert stage.figures.counts[PORT_FAILURES.name] == 2


async def test_another_call_that_works_does_not_hide_it(stage: Stage) -> None:
    await stage.fails()
    assert await stage.store.desired() is None
    assert len(told(stage)) == 1


async def test_once_it_works_again_it_is_over_and_the_log_says_so(
    stage: Stage, journal: list[Any]
) -> None:
    await stage.fails()
    stage.clock.advance(7)
    stage.disk.error = None
    await stage.store.set_desired(b"body")
    assert told(stage) == []
    assert await stage.disk.desired() == b"body"
    assert stage.figures.gauges[PORT_UP.name, "store"] == 1
    assert journal == [
        {
            "event": "works again",
            "log_level": "info",
            "port": "store",
            "doing": "set_desired",
            "seconds": 7.0,
        }
    ]


async def test_what_nobody_tries_again_is_forgotten(stage: Stage) -> None:
    await stage.fails()
    stage.clock.advance(31)
    assert told(stage) == []
    assert stage.figures.gauges[PORT_UP.name, "store"] == 1


async def test_what_is_no_passing_failure_is_not_its_business(stage: Stage) -> None:
    stage.disk.error = Fatal("not a database")
    with pytest.raises(Fatal):
        await stage.store.set_desired(b"body")
    assert told(stage) == []


async def test_a_refusal_is_an_answer_so_what_failed_before_it_is_over(stage: Stage) -> None:
    await stage.fails()
    stage.disk.error = Fenced("epoch 2 took over from 1")
    with pytest.raises(Fenced):
        await stage.store.set_desired(b"body")
    assert told(stage) == []
