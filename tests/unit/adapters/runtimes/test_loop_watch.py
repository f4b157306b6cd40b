"""A loop that stands still is told of from outside; after its time the process ends."""

import asyncio
import threading

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from whispr_daemon.adapters.clock import SYSTEM_CLOCK, SystemClock
from whispr_daemon.adapters.runtimes import loop_watch
from whispr_daemon.adapters.runtimes.loop_watch import Limits, LoopWatch
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.stall import Stall

WITHIN = 60.0  # seconds
STANDS = {"spin/0": Position(1, 7)}


class Stepping(SystemClock):
    """Its monotonic time goes on by these steps, then no more; says when they are used up."""

    def __init__(self, *steps: float) -> None:
        self._steps = list(steps)
        self._now = 0.0
        self.over = threading.Event()

    @override
    def monotonic(self) -> float:
        if self._steps:
            self._now += self._steps.pop(0)
        else:
            self.over.set()
        return self._now


async def hold(release: threading.Event) -> None:
    """Have the loop, and not give it back."""
    assert release.wait(WITHIN)


async def held(watch: LoopWatch, release: threading.Event) -> None:
    """Let a unit's task have the loop until it is released."""
    with watch:
        await asyncio.sleep(0)  # noqa: TID251 - one turn, so that the watch is at work
        await asyncio.create_task(hold(release), name="spin/0")
        while watch._told:  # it is told of, too, that the loop goes on
            await SYSTEM_CLOCK.sleep(0.01)


async def test_who_has_the_loop_is_told_with_its_place_and_then_the_process_ends() -> None:
    ended, last = threading.Event(), list[Stall]()
    watch = LoopWatch(SYSTEM_CLOCK, Limits(0.1, 0.3), STANDS.get, last=last.append, end=ended.set)
    with capture_logs() as logged:
        watch.__enter__()
        await asyncio.create_task(hold(ended), name="spin/0")
        watch.__exit__()
    (stall,) = last
    assert (stall.task, stall.position) == ("spin/0", Position(1, 7))
    assert stall.seconds >= 0.3
    assert stall.at > 0
    assert "threading.py" in stall.where
    assert stall.describe().startswith("the event loop has stood still for 0 s: unit spin/0 at")
    said = logged[-1]
    assert said["event"] == "the event loop stands still, ending the process"
    assert (said["unit"], said["position"], said["log_level"]) == ("spin/0", "1-7", "critical")
    assert "in hold" in said["stack"]


async def test_a_loop_that_goes_on_in_time_is_told_of_and_left_alone() -> None:
    released, ended, seen = threading.Event(), threading.Event(), list[Stall]()

    def look(stall: Stall) -> None:
        seen.append(stall)
        released.set()

    clock = Stepping(*[0.2] * 9)  # more than a third of the time it has, and never all of it
    watch = LoopWatch(clock, Limits(1.0, 3.0), STANDS.get, look, end=ended.set)
    with capture_logs() as logged:
        await held(watch, released)
    assert seen[0].task == "spin/0"
    assert [each["event"] for each in logged] == [
        "the event loop stands still",
        "the event loop goes on",
    ]
    assert not ended.is_set()


async def untold(clock: Stepping) -> bool:
    ended = threading.Event()
    with capture_logs() as logged:
        await held(LoopWatch(clock, Limits(1.0, 3.0), STANDS.get, end=ended.set), clock.over)
    return not logged and not ended.is_set()


async def test_time_in_which_the_whole_process_was_stopped_does_not_count() -> None:
    assert await untold(Stepping(0.0, 0.1, 3_600.0))


async def test_last_words_that_never_end_do_not_keep_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop_watch, "_LAST_WORDS_WITHIN", 0.1)
    ended, never = threading.Event(), threading.Event()

    def hang(_: Stall) -> None:
        never.wait(WITHIN)

    watch = LoopWatch(SYSTEM_CLOCK, Limits(0.1, 0.3), STANDS.get, last=hang, end=ended.set)
    with capture_logs():
        watch.__enter__()
        await asyncio.create_task(hold(ended), name="spin/0")
        watch.__exit__()
        never.set()
        for thread in threading.enumerate():
            if thread.name == "loop watch, telling":
                thread.join(WITHIN)
    assert ended.is_set()
