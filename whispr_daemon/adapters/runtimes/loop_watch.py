"""A thread that watches its process's event loop: one that stands still cannot say so itself."""

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Final, NamedTuple, NoReturn, Self

import msgspec
import structlog

from whispr_daemon.domain.position import Position
from whispr_daemon.domain.stall import Stall
from whispr_daemon.ports.clock import Clock

STALLED: Final = 75  # exit status: started again, the process may go on (EX_TEMPFAIL)
_LOOK_EVERY: Final = 0.1  # seconds; also how often the loop says that it came round
_LAST_WORDS_WITHIN: Final = 5.0  # seconds
_FRAMES: Final = 12  # of the stack, the innermost


def end_stalled() -> NoReturn:
    """End this process, exit status 75, as it is: what would be flushed may be what blocks it."""
    os._exit(STALLED)


class Limits(NamedTuple):
    """How long a loop may stand still."""

    tell: float  # seconds, after which it is told of
    end: float  # seconds, after which the process ends


class LoopWatch:
    """Watches the loop it is entered on; ends the process when that stands still for too long.

    Nothing can be started again on a loop that a strategy does not give back: only a new process
    helps. It is told from threads of their own, for what the loop holds may be what they need.
    Code that holds the interpreter's lock, too, holds this thread: that is for others to see.
    """

    def __init__(
        self,
        clock: Clock,
        limits: Limits,
        place: Callable[[str], Position | None],
        meanwhile: Callable[[Stall], None] = lambda _: None,
        last: Callable[[Stall], None] = lambda _: None,
        end: Callable[[], None] = end_stalled,
    ) -> None:
        """All that is called is called from other threads.

        Args:
            clock: its time counts only while this thread has its turns, too: who stopped or
                starved the whole process is not told of.
            limits: how long it may stand still.
            place: where the unit of this name stands, None if it is none.
            meanwhile: called again and again once it is told of.
            last: called before the end.
            end: ends the process, exit status 75.
        """
        self._clock, self._limits = clock, limits
        self._place, self._meanwhile = place, meanwhile
        self._last, self._end = last, end
        self._rounds = 0  # of the loop
        self._silent = 0.0  # seconds since the last
        self._told = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)
        self._journal = structlog.get_logger("whispr.loop")

    def __enter__(self) -> Self:
        """Watch the loop that runs now."""
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._turning = self._loop.create_task(self._turn(), name="loop watch")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no longer."""
        self._over.set()
        self._turning.cancel()
        self._thread.join()

    async def _turn(self) -> None:
        while True:
            self._rounds += 1
            await self._clock.sleep(_LOOK_EVERY)

    def _watch(self) -> None:
        rounds, before = self._rounds, self._clock.monotonic()
        while not self._over.wait(_LOOK_EVERY):
            now = self._clock.monotonic()
            passed, before = min(now - before, 2 * _LOOK_EVERY), now
            if self._rounds != rounds:
                rounds = self._rounds
                self._goes_on()
                continue
            self._silent += passed
            if self._silent >= self._limits.end:
                _aside(self._say_last).join(_LAST_WORDS_WITHIN)
                self._end()
                return
            if self._silent >= self._limits.tell and not self._told:
                self._told = True
                _aside(self._tell)

    def _goes_on(self) -> None:
        if self._told:
            self._journal.warning("the event loop goes on", seconds=round(self._silent, 1))
        self._silent, self._told = 0.0, False

    def _tell(self) -> None:
        stall, stack = self._look()
        self._log("the event loop stands still", stall, stack)
        while self._told and not self._over.is_set():
            now = self._clock.now()
            self._meanwhile(msgspec.structs.replace(stall, seconds=self._silent, at=now))
            self._over.wait(_LOOK_EVERY)

    def _say_last(self) -> None:
        stall, stack = self._look()
        self._last(stall)
        self._log("the event loop stands still, ending the process", stall, stack)

    def _log(self, event: str, stall: Stall, stack: str) -> None:
        told = {"task": stall.task}
        if stall.position is not None:
            told = {"unit": stall.task, "position": str(stall.position)}
        self._journal.critical(
            event, **told, where=stall.where, seconds=round(stall.seconds, 1), stack=stack
        )

    def _look(self) -> tuple[Stall, str]:
        """Return who has the loop, and the top of the stack of its thread."""
        task = asyncio.current_task(self._loop)
        name = task.get_name() if task else ""
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - documented, for this use
        stall = Stall(
            task=name,
            position=self._place(name),
            seconds=self._silent,
            where=_where(frame),
            at=self._clock.now(),
        )
        return stall, "".join(traceback.format_stack(frame, _FRAMES))


def _where(frame: FrameType | None) -> str:
    if frame is None:
        return ""
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def _aside(work: Callable[[], None]) -> threading.Thread:
    """Begin something that may never return."""
    thread = threading.Thread(target=work, name="loop watch, telling", daemon=True)
    thread.start()
    return thread
