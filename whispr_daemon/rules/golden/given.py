"""What a test gives: the bars, trades and quotes of its instruments, level pins, daily bars."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from whispr_daemon.rules.document.document import Document, Path
from whispr_daemon.rules.golden.market import (
    Event,
    Traded,
    bars_of_closes,
    bars_of_table,
    daily_bars,
)
from whispr_daemon.rules.golden.notation import NotationError
from whispr_daemon.rules.golden.ticks import quotes_of_table, trades_of_table
from whispr_daemon.rules.golden.times import OPEN, RuleClock, read_date, read_time

BARS: Final = "bars"
MARKET: Final = (BARS, "trades", "quotes")  # the keys that say what happens
_TICKS: Final = {"trades": trades_of_table, "quotes": quotes_of_table}


class Setting(NamedTuple):
    """Where a test stands: its document, its place there, its clock and its first day."""

    document: Document
    path: Path
    clock: RuleClock
    day: date
    symbol: str

    def wrong(self, path: Path, message: str, code: str = "E520") -> None:
        """Report a mistake at a place below the test."""
        self.document.report(self.document.value((*self.path, *path)), code, message)


def by_symbol(key: str, written: object) -> Mapping[str, Any] | None:
    """Return what stands under ``bars``, ``trades`` or ``quotes`` by instrument.

    None: it does not say which, and is of the one that is tested.
    """
    if not isinstance(written, dict):
        return None
    one = key == BARS and ("closes" in written or "start" in written)
    return None if one else written


def traded(setting: Setting, test: Mapping[str, Any]) -> list[Traded] | None:
    """Return what happens to all instruments of a test; None if there is a mistake in it."""
    said = [key for key in MARKET if key in test]
    found: list[Traded] = []
    for key in said:
        several = by_symbol(key, test[key])
        paths: Mapping[str, tuple[object, Path]] = {setting.symbol: (test[key], (key,))}
        if several is not None:
            paths = {symbol: (each, (key, symbol)) for symbol, each in several.items()}
        for symbol, (written, path) in paths.items():
            events = _events(setting, key, written, path)
            if events is None:
                return None
            timeframe = setting.clock.timeframe if key == BARS else ""
            found.append(Traded(symbol, timeframe, events))
    if setting.symbol not in {each.symbol for each in found}:
        what = " or ".join(said)
        setting.wrong((said[0],), f"there are no {what} of {setting.symbol}, the instrument tested")
        return None
    return found


def _events(setting: Setting, key: str, written: object, path: Path) -> list[Event] | None:
    if key == BARS:
        return _bars(setting, written, path)
    table = _TICKS[key]
    if not isinstance(written, str):
        shape = "time price [size]" if key == "trades" else "time bid ask"
        setting.wrong(path, f"{key} are lines '{shape}'")
        return None
    return _noted(setting, path, lambda: table(written, setting.clock, setting.day))


def _bars(setting: Setting, written: object, path: Path) -> list[Event] | None:
    day = setting.day
    if isinstance(written, str):
        return _noted(setting, path, lambda: bars_of_table(written, setting.clock, day))
    if not isinstance(written, dict) or not isinstance(written.get("closes"), str):
        setting.wrong(path, "bars are lines of prices, or {start, closes}")
        return None
    for key in written:
        if key not in ("start", "closes", "date"):
            mark = setting.document.key((*setting.path, *path, key))
            message = f"unknown key {key!r} of bars (known: start, closes, date)"
            setting.document.report(mark, "E501", message)
            return None
    start = read_time(str(written.get("start", f"{OPEN:%H:%M}")))
    if start is None:
        setting.wrong((*path, "start"), f"{written['start']!r} is not a time such as 09:30")
        return None
    if "date" in written:
        named = read_date(str(written["date"]))
        if named is None:
            setting.wrong((*path, "date"), f"{written['date']!r} is not a date such as 2026-06-24")
            return None
        day = named
    text: str = written["closes"]
    found = (*path, "closes")
    return _noted(setting, found, lambda: bars_of_closes(text, setting.clock, day, start))


def _noted(setting: Setting, path: Path, read: Callable[[], list[Event]]) -> list[Event] | None:
    try:
        return read()
    except NotationError as error:
        mark = setting.document.inside((*setting.path, *path), error.offset)
        setting.document.report(mark, "E520", str(error))
        return None


def pins(
    setting: Setting, given: Mapping[str, Any] | None
) -> Iterator[tuple[tuple[str, date | None], tuple[float, float]]]:
    """Yield the pinned levels: (instrument, date or None for all) to (anchor, ATR)."""
    if given is None:
        return
    by_day = {"": given} if "anchor" in given else given
    for day, pin in by_day.items():
        when = read_date(day) if day else None
        if day and when is None:
            message = f"{day!r} is not a date such as 2026-06-24"
            mark = setting.document.key((*setting.path, "given", "atr", day))
            setting.document.report(mark, "E522", message)
            return
        if not isinstance(pin, dict) or not {"anchor", "atr"} <= pin.keys():
            setting.wrong(("given", "atr"), "a pin is {anchor, atr}", "E522")
            return
        yield (setting.symbol, when), (float(pin["anchor"]), float(pin["atr"]))


def daily(setting: Setting, name: str, files: Mapping[str, str]) -> Traded | None:
    """Return the daily bars of a file beside the test; None if there is a mistake in them."""
    beside = posixpath.dirname(setting.document.path)
    path = posixpath.normpath(posixpath.join(beside, name))
    if path not in files:
        setting.wrong(("given", "daily"), f"there is no file {path} of UTF-8 text", "E522")
        return None
    try:
        bars = daily_bars(files[path], setting.clock)
    except NotationError as error:
        setting.wrong(("given", "daily"), f"{path}: {error}", "E522")
        return None
    return Traded(setting.symbol, "1d", bars)
