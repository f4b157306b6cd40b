"""Named points at which this process can be made to die, to show that it may die anywhere.

``WHISPR_CRASH_AT=before_commit`` lets it end by SIGKILL where it comes to that point,
``before_commit:3`` where it does for the third time. ``before_commit:3@died`` lets only the first
process die that comes so far: it makes the file ``died``, and whoever finds it goes on. That is for
processes that are started again with the same environment; several points are told apart by commas.
"""

import os
import signal
from functools import cache
from typing import Final, NamedTuple

from whispr_daemon.domain.errors import Fatal

VARIABLE: Final = "WHISPR_CRASH_AT"
# Roughly in the order in which a daemon comes to them first.
POINTS: Final = (
    "before_host_start",
    "after_host_start",
    "host_started",
    "route_claimed",
    "unit_claimed",
    "unit_recovered",
    "round_over",
    "ingest_claimed",
    "log_fenced",
    "before_change",
    "after_change",
    "before_bury",
    "after_bury",
    "before_append",
    "after_append",
    "entries_folded",
    "before_commit",
    "after_commit",
    "before_snapshot",
    "after_snapshot",
    "before_send",
    "after_send",
    "cursors_moved",
    "before_marks",
    "after_marks",
    "before_trim",
    "after_trim",
    "before_quarantine",
    "after_quarantine",
    "host_taken_out",
    "before_hosts_stop",
    "host_stopping",
    "after_hosts_stop",
)


class _Awaited(NamedTuple):
    """A point that kills."""

    mark: str  # a file, "" for none
    left: list[int]  # passes up to the deadly one, included


def crash_here(point: str) -> None:
    """End this process without a word, if the environment says that it dies here.

    Raises:
        Fatal: what the environment says cannot be understood.
    """
    found = _awaited().get(point)
    if found is not None:
        found.left[0] -= 1
        if found.left[0] == 0 and _first(found.mark):
            os.kill(os.getpid(), signal.SIGKILL)


@cache
def _awaited() -> dict[str, _Awaited]:
    text = os.environ.get(VARIABLE, "")
    return dict(_read(part) for part in text.split(",")) if text else {}


def _read(text: str) -> tuple[str, _Awaited]:
    where, _, mark = text.partition("@")
    point, _, nth = where.partition(":")
    if point not in POINTS or not (nth or "1").isdecimal() or int(nth or 1) < 1:
        raise Fatal(
            f"{VARIABLE} has {text!r}; it should be POINT, POINT:N or POINT:N@FILE, with N from 1 "
            f"and one of the points {', '.join(POINTS)}"
        )
    return point, _Awaited(mark, [int(nth or 1)])


def _first(mark: str) -> bool:
    if not mark:
        return True
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True
