"""How step functions write to the board of emitted signals, and how they read it.

An entry, one signal of one instrument, is a run of ints: see the places below. Its ring holds
moments and how many were said at each; its capacity is data.
"""

from typing import Final

from whispr_daemon.rules.column import DATE, DAY, TS
from whispr_daemon.rules.functions.folds import Ints
from whispr_daemon.rules.nodes import Said
from whispr_daemon.rules.source import Source

TOTAL: Final = 0
LAST: Final = 1  # ns, when it was last said
SESSION: Final = 2  # the date, and how many since it began
DAY_OF: Final = 4
NEWEST: Final = 6  # the place in the ring
RING: Final = 7  # pairs from here: ns, how many


def entry_width(capacity: int) -> int:
    """Return how many ints an entry has whose ring holds ``capacity`` moments."""
    return RING + 2 * capacity


def say(board: Ints, entry: int, capacity: int, ts: int, date: int, day: int) -> None:
    """Note that the signal at ``entry`` of a flat board is said at ``ts``.

    ``date`` and ``day`` are the session's and the exchange's of that moment.
    """
    board[entry] += 1
    board[entry + LAST] = ts
    if board[entry + SESSION] != date:
        board[entry + SESSION] = date
        board[entry + SESSION + 1] = 0
    board[entry + SESSION + 1] += 1
    if board[entry + DAY_OF] != day:
        board[entry + DAY_OF] = day
        board[entry + DAY_OF + 1] = 0
    board[entry + DAY_OF + 1] += 1
    newest = entry + RING + 2 * board[entry + NEWEST]
    if board[newest] != ts:
        board[entry + NEWEST] = (board[entry + NEWEST] + 1) % capacity
        newest = entry + RING + 2 * board[entry + NEWEST]
        board[newest] = ts
        board[newest + 1] = 0
    board[newest + 1] += 1


def write_emit(source: Source, entry: str, capacity: str) -> None:
    """Write that the signal at ``entry`` is said now."""
    moment = ", ".join(source.column(column) for column in (TS, DATE, DAY))
    source.line(f"say(B, {entry}, {capacity}, {moment})")


def read_emitted(source: Source, entry: str) -> str:
    """Write whether it was said at this very moment; return the truth."""
    said = f"B[{entry}] > 0 and B[{entry} + {LAST}] == {source.column(TS)}"
    return source.name(f"1 if {said} else -1")


def read_number(source: Source, node: Said, entry: str, capacity: str) -> str:
    """Write ``since`` (ns, na if never) or ``count``; return the variable."""
    ts = source.column(TS)
    if node.question == "since":
        value = source.name("NAN")
        with source.block(f"if B[{entry}] > 0:"):
            source.line(f"{value} = float({ts} - B[{entry} + {LAST}])")
        return value
    if isinstance(node.scope, int):
        return _within(source, entry, capacity, source.whole(node.scope))
    place, column = (SESSION, DATE) if node.scope == "session" else (DAY_OF, DAY)
    value = source.name("0.0")
    with source.block(f"if B[{entry} + {place}] == {source.column(column)}:"):
        source.line(f"{value} = float(B[{entry} + {place + 1}])")
    return value


def _within(source: Source, entry: str, capacity: str, window: str) -> str:
    """Count what was said less than ``window`` ago."""
    ts = source.column(TS)
    value = source.name("0.0")
    place = source.name(f"{entry} + {RING}")
    each = f"for m in range({place}, {place} + 2 * {capacity}, 2):"
    with source.block(each), source.block(f"if {ts} - B[m] < {window}:"):
        source.line(f"{value} += B[m + 1]")  # 0 where nothing was said yet
    return value
