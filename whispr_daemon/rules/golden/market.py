"""The bars of a test: closes in a notation, or tables of prices, as rows of a batch."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np

from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.ticks import with_ticks
from whispr_daemon.domain.timeframe import CODE_OF, MINUTE
from whispr_daemon.rules.golden.lines import Line, dated_lines, number
from whispr_daemon.rules.golden.notation import MAX_BARS, NotationError, closes
from whispr_daemon.rules.golden.times import RuleClock, read_date, read_time

VOLUME: Final = 1_000.0  # of bars that do not say
_PRICES: Final = ("open", "high", "low", "close")
_COLUMNS: Final = 4
_RANKS: Final = {Kind.BAR: 0, Kind.QUOTE: 1, Kind.TRADE: 2, Kind.SPLIT: 3}  # of one time


class Event(NamedTuple):
    """A bar of one instrument, or a trade or quote, as a row has it."""

    end: int  # ns UTC
    open: float  # of a quote the bid
    high: float  # of a quote the ask
    low: float
    close: float
    volume: float = VOLUME
    kind: Kind = Kind.BAR


class Traded(NamedTuple):
    """The bars of one instrument in one timeframe, or its trades or its quotes, in order."""

    symbol: str
    timeframe: str  # empty: of trades and quotes
    events: Sequence[Event]


def bars_of_closes(text: str, clock: RuleClock, day: date, start: time) -> list[Event]:
    """Return bars with these closes, each opening at the close before.

    Raises:
        NotationError: the text is not in the notation.
    """
    values = closes(text)
    found: list[Event] = []
    before: float | None = None
    for begin, close in zip(clock.starts(day, start, len(values)), values, strict=True):
        if close is not None:
            first = close if before is None else before
            end = clock.day_end(clock.local(begin).date()) if clock.daily else begin + clock.length
            found.append(Event(end, first, max(first, close), min(first, close), close))
            before = close
    return found


def bars_of_table(text: str, clock: RuleClock, day: date) -> list[Event]:
    """Return the bars of lines ``time open high low close [volume]``; a date begins a new day.

    A ``#`` and what follows it is passed over. Of daily bars a line begins with the date.

    Raises:
        NotationError: a line is none of these, or out of order.
    """
    found: list[Event] = []
    for line in dated_lines(text, day, daily=clock.daily):
        bar = _bar(line, _end(line, clock))
        if found and bar.end <= found[-1].end:
            raise NotationError(line.at[0], "bars must come in order of time")
        found.append(bar)
        if len(found) > MAX_BARS:
            raise NotationError(line.at[0], f"more than {MAX_BARS:,} bars")
    return found


def _end(line: Line, clock: RuleClock) -> int:
    if clock.daily:
        return clock.day_end(line.day)
    moment = read_time(line.words[0])
    if moment is None:
        closes_alone = all(number(word) is not None for word in line.words)
        hint = ' (closes are written {closes: "9 11"})' if closes_alone else ""
        message = f"{line.words[0]!r} is neither a time such as 09:30 nor a date{hint}"
        raise NotationError(line.at[0], message)
    return clock.ns(line.day, moment) + clock.length


def _bar(line: Line, end: int) -> Event:
    words, at = line.words[1:], line.at[1:]
    if not _COLUMNS <= len(words) <= _COLUMNS + 1:
        found = f"a line is 'time open high low close [volume]'; this one has {len(words)} numbers"
        raise NotationError(line.at[0], found)
    numbers: list[float] = []
    for word, place in zip(words, at, strict=True):
        value = number(word)
        if value is None or (value <= 0 and len(numbers) < _COLUMNS) or value < 0:
            kind = "price" if len(numbers) < _COLUMNS else "volume"
            raise NotationError(place, f"{word!r} is not a {kind}")
        numbers.append(value)
    first, high, low, close = numbers[:_COLUMNS]
    if high < max(first, close, low):
        raise NotationError(at[1], f"the high {high:g} is not the highest")
    if low > min(first, close):
        raise NotationError(at[2], f"the low {low:g} is not the lowest")
    return _of_numbers(end, numbers)


def _of_numbers(end: int, numbers: Sequence[float]) -> Event:
    first, high, low, close, *volume = numbers
    return Event(end, first, high, low, close, volume[0] if volume else VOLUME)


def daily_bars(text: str, clock: RuleClock) -> list[Event]:
    """Return the bars of a CSV text ``date,open,high,low,close[,volume]`` with a header.

    Raises:
        NotationError: a line is not such a bar.
    """
    found: list[Event] = []
    lines = list(re.finditer(r"[^\n]+", text))
    for place, line in enumerate(lines):
        cells = [cell.strip() for cell in line[0].split(",")]
        if place == 0 and cells[0].lower() == "date":
            continue
        day = read_date(cells[0])
        prices = [number(cell) for cell in cells[1:]]
        numbers = [price for price in prices if price is not None and price >= 0]
        if day is None or len(numbers) < len(prices) or len(prices) not in (4, 5):
            what = "date,open,high,low,close[,volume]"
            raise NotationError(line.start(), f"line {place + 1} is not '{what}'")
        bar = _of_numbers(clock.day_end(day), numbers)
        if found and bar.end <= found[-1].end:
            raise NotationError(line.start(), f"line {place + 1} is out of order of time")
        found.append(bar)
    return found


def rows_of(traded: Sequence[Traded], last: str, bar: int) -> tuple[Rows, tuple[str, ...]]:
    """Return all events by time, and the symbols behind their codes.

    Of one time, bars come before quotes and those before trades, longer bars before shorter ones,
    and ``last``, the instrument under test, after all others of its kind: as ingest appends what
    others refer to first. Among trades and quotes the log's clock ticks, too, as ingest lets it: to
    the end of the ``bar`` (its length in ns) that the last of them is in.
    """
    symbols = tuple(dict.fromkeys(each.symbol for each in traded))
    listed = sorted(_listed(traded, last), key=itemgetter(0))
    rows = empty_rows(len(listed))
    for row, (_, symbol, timeframe, event) in zip(rows, listed, strict=True):
        row["ts"], row["kind"] = event.end, event.kind
        row["instrument"] = symbols.index(symbol)
        row["timeframe"] = timeframe
        for name in (*_PRICES, "volume"):
            row[name] = getattr(event, name)
    if not np.isin(rows["kind"], (Kind.TRADE, Kind.QUOTE)).any():
        return rows, symbols
    ticked, _, _ = with_ticks(rows, np.arange(len(rows)), 0)
    end = empty_rows(1)
    end["kind"], end["instrument"] = Kind.CLOCK, NO_INSTRUMENT
    unit = min(bar, MINUTE)
    end["ts"] = (int(rows["ts"][-1]) + bar) // unit * unit
    return np.concatenate((ticked, end)), symbols


def _listed(
    traded: Sequence[Traded], last: str
) -> Iterator[tuple[tuple[int, ...], str, int, Event]]:
    for place, each in enumerate(traded):
        timeframe = CODE_OF[each.timeframe]
        for event in each.events:
            rank = _RANKS[event.kind]
            key = event.end, rank, int(each.symbol == last), -timeframe, place
            yield key, each.symbol, timeframe, event
