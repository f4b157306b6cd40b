"""The gate and the ribbon by hand from the rows as they lie in memory: the floor of a replay.

It begins where the rules do, and is told nothing: it reads the rows of 56 bytes, looks up the slot
of an instrument by its code and the session of a minute in the calendar, and makes the levels of a
day of the daily bars before it. Then it does what :func:`tests.benchmarks.by_hand.by_hand` does. It
knows one timeframe and one calendar, takes it that rows come in order, each once, that no day is
missing, and that every bar is whole; it has no gaps, no warm-up, no warnings, no records of values.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from tests.benchmarks.bars import RUNG, Bars, Ints
from tests.benchmarks.peers.serving import KINDS
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, DAILY, MINUTE
from whispr_daemon.rules.columns.calendars import calendar

_WORDS: Final = 7  # of eight bytes, a row
_BAR: Final = int(Kind.BAR)
_DAY: Final = int(DAILY)
_OURS: Final = int(CODE_OF["1m"])
_LENGTH: Final = 14  # of the ATR
# State of a slot: averages and close; above and below; close of the day, ATR.
_FLOATS: Final = 7
# The day of the last cross up, and down; whether the fast average is above (-1: no bar came); days.
_INTS: Final = 4


class RowsByHand:
    """A fold by hand over rows; the daily bars before the first minute are folded before."""

    def __init__(self, bars: Bars, *, compiled: bool = True) -> None:
        """For few bars it is quicker not ``compiled``, which takes some seconds the first time."""
        sessions = calendar("XNYS")
        self._fold = _fold if compiled else _fold.py_func
        self._bars = bars
        self._sessions = sessions.open, sessions.close, sessions.date
        slots = len(bars.symbols)
        self._floats = np.full((slots, _FLOATS), np.nan)
        self._ints = np.full((slots, _INTS), -1)
        self._ints[:, 3] = 0
        self._slots = np.arange(slots)  # by code
        self._over(bars.history, self._floats, self._ints)
        if compiled:
            self.run()  # of memory that is new the first run would pay for each page

    def run(self) -> Ints:
        """Return what is said, in order: the place of a row times the kinds, and the kind."""
        return self._over(self._bars.rows, self._floats.copy(), self._ints.copy())

    def numbers(self, said: Ints) -> Ints:
        """Return what a run said as numbers: see :mod:`tests.benchmarks.said`."""
        row, kind = np.divmod(said, len(KINDS))
        rows, symbols = self._bars.rows[row], len(self._bars.symbols)
        minute = self._bars.ts.searchsorted(rows["ts"])
        return np.sort((minute * symbols + rows["instrument"]) * len(KINDS) + kind)

    def _over(self, rows: Rows, floats: Any, ints: Any) -> Ints:
        out = np.empty(2 * len(rows), np.int64)  # at most a cross and a turn a bar
        words = rows.view(np.int64)
        given = words, words.view(np.float64), self._slots
        return out[: self._fold(given, self._sessions, floats, ints, out)]


@njit(error_model="numpy", inline="always")
def _day(prices: Any, w: int, floats: Any, days: int, s: int) -> None:
    """Make the levels that hold after a daily bar; ``days`` came before it."""
    high, low, close = prices[w + 3], prices[w + 4], prices[w + 5]
    before, atr = floats[s, 5], floats[s, 6]
    move = max(high, before) - min(low, before) if days > 0 else high - low
    if days < _LENGTH:
        atr = (move + (atr * days if days > 0 else 0.0)) / (days + 1)
    else:
        atr += (move - atr) / _LENGTH
    floats[s, 3], floats[s, 4] = close + RUNG * atr, close - RUNG * atr
    floats[s, 5], floats[s, 6] = close, atr


@njit(error_model="numpy", inline="always")
def _session(sessions: Any, start: int, near: int) -> int:
    """Return the session in which a minute starts, -1 outside of all; look at one first."""
    opens, closes, _ = sessions
    if opens[near] <= start < closes[near]:
        return near
    found = np.searchsorted(opens, start, side="right") - 1
    return found if found >= 0 and start < closes[found] else -1


@njit(error_model="numpy", inline="always")
def _said(floats: Any, ints: Any, s: int, x: float, day: int) -> tuple[bool, bool, bool]:
    """Take a close in; return whether it crosses up, and down, and whether the ribbon turns."""
    before, upper, lower = floats[s, 2], floats[s, 3], floats[s, 4]
    fast = floats[s, 0] + 2.0 / 14.0 * (x - floats[s, 0])
    slow = floats[s, 1] + 2.0 / 49.0 * (x - floats[s, 1])
    floats[s, 0], floats[s, 1], floats[s, 2] = fast, slow, x
    up = x > upper and before < upper and ints[s, 0] != day
    if up:
        ints[s, 0] = day
    down = x < lower and before > lower and ints[s, 1] != day
    if down:
        ints[s, 1] = day
    now = 1 if fast >= slow else 0
    turned = now != ints[s, 2]
    ints[s, 2] = now
    return up, down, turned


@njit(error_model="numpy")
def _fold(given: Any, sessions: Any, floats: Any, ints: Any, out: Any) -> int:
    words, prices, slots = given
    said, near = 0, 0
    for r in range(len(words) // _WORDS):
        w = r * _WORDS
        what = words[w + 1]
        code, s, x = what >> 48, slots[what & 0xFFFFFFFF], prices[w + 5]
        if (what >> 32) & 255 != _BAR:
            continue
        if code == _DAY:
            _day(prices, w, floats, ints[s, 3], s)
            ints[s, 3] += 1
        if code != _OURS:
            continue
        session = _session(sessions, words[w] - MINUTE, near)
        if session < 0:
            continue
        near = session
        if ints[s, 2] < 0:
            ints[s, 2] = 1
            floats[s, 0] = floats[s, 1] = floats[s, 2] = x
            continue
        up, down, turned = _said(floats, ints, s, x, sessions[2][near])
        if up:
            out[said] = r * 4
            said += 1
        if down:
            out[said] = r * 4 + 1
            said += 1
        if turned:
            out[said] = r * 4 + 3 - ints[s, 2]
            said += 1
    return said
