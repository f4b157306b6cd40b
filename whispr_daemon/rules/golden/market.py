"""The bars of a test: closes in a notation, or tables of prices, as rows of a batch."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import Final, NamedTuple

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF
from whispr_daemon.rules.golden.notation import MAX_BARS, NotationError, closes
from whispr_daemon.rules.golden.times import RuleClock, read_date, read_time

VOLUME: Final = 1_000.0  # of bars that do not say
_WORD: Final = re.compile(r"\S+")
_PRICES: Final = ("open", "high", "low", "close")
_COLUMNS: Final = 4


class Candle(NamedTuple):
    """A bar of one instrument."""

    end: int  # ns UTC
    open: float
    high: float
    low: float
    close: float
    volume: float = VOLUME


class Traded(NamedTuple):
    """The bars of one instrument in one timeframe, in order."""

    symbol: str
    timeframe: str
    bars: Sequence[Candle]


def bars_of_closes(text: str, clock: RuleClock, day: date, start: time) -> list[Candle]:
    """Return bars with these closes, each opening at the close before.

    Raises:
        NotationError: the text is not in the notation.
    """
    values = closes(text)
    found: list[Candle] = []
    before: float | None = None
    for begin, close in zip(clock.starts(day, start, len(values)), values, strict=True):
        if close is not None:
            first = close if before is None else before
            end = clock.day_end(clock.local(begin).date()) if clock.daily else begin + clock.length
            found.append(Candle(end, first, max(first, close), min(first, close), close))
            before = close
    return found


def bars_of_table(text: str, clock: RuleClock, day: date) -> list[Candle]:
    """Return the bars of lines ``time open high low close [volume]``; a date begins a new day.

    A ``#`` and what follows it is passed over. Of daily bars a line begins with the date.

    Raises:
        NotationError: a line is none of these, or out of order.
    """
    found: list[Candle] = []
    for line in re.finditer(r"[^\n]*", text):
        words = list(_WORD.finditer(line[0].partition("#")[0]))
        if not words:
            continue
        offset = line.start() + words[0].start()
        named = read_date(words[0][0])
        if named is not None:
            day = named
        if named is not None and not (clock.daily and len(words) > 1):
            if len(words) > 1:
                at = line.start() + words[1].start()
                raise NotationError(at, "a date stands alone on its line, the bars under it")
            continue
        bar = _bar(words, line.start(), _end(words[0][0], offset, clock, day))
        if found and bar.end <= found[-1].end:
            raise NotationError(offset, "bars must come in order of time")
        found.append(bar)
        if len(found) > MAX_BARS:
            raise NotationError(offset, f"more than {MAX_BARS:,} bars")
    return found


def _end(word: str, offset: int, clock: RuleClock, day: date) -> int:
    if clock.daily:
        return clock.day_end(day)
    moment = read_time(word)
    if moment is None:
        raise NotationError(offset, f"{word!r} is neither a time such as 09:30 nor a date")
    return clock.ns(day, moment) + clock.length


def _bar(words: Sequence[re.Match[str]], offset: int, end: int) -> Candle:
    prices = words[1:]
    if not _COLUMNS <= len(prices) <= _COLUMNS + 1:
        found = f"a line is 'time open high low close [volume]'; this one has {len(prices)} numbers"
        raise NotationError(offset + words[0].start(), found)
    numbers: list[float] = []
    for word in prices:
        number = _number(word[0])
        if number is None or (number <= 0 and len(numbers) < _COLUMNS) or number < 0:
            kind = "price" if len(numbers) < _COLUMNS else "volume"
            raise NotationError(offset + word.start(), f"{word[0]!r} is not a {kind}")
        numbers.append(number)
    first, high, low, close = numbers[:_COLUMNS]
    if high < max(first, close, low):
        raise NotationError(offset + prices[1].start(), f"the high {high:g} is not the highest")
    if low > min(first, close):
        raise NotationError(offset + prices[2].start(), f"the low {low:g} is not the lowest")
    return Candle(end, *numbers)


def daily_bars(text: str, clock: RuleClock) -> list[Candle]:
    """Return the bars of a CSV text ``date,open,high,low,close[,volume]`` with a header.

    Raises:
        NotationError: a line is not such a bar.
    """
    found: list[Candle] = []
    lines = list(re.finditer(r"[^\n]+", text))
    for number, line in enumerate(lines):
        cells = [cell.strip() for cell in line[0].split(",")]
        if number == 0 and cells[0].lower() == "date":
            continue
        day = read_date(cells[0])
        prices = [_number(cell) for cell in cells[1:]]
        numbers = [price for price in prices if price is not None and price >= 0]
        if day is None or len(numbers) < len(prices) or len(prices) not in (4, 5):
            what = "date,open,high,low,close[,volume]"
            raise NotationError(line.start(), f"line {number + 1} is not '{what}'")
        bar = Candle(clock.day_end(day), *numbers)
        if found and bar.end <= found[-1].end:
            raise NotationError(line.start(), f"line {number + 1} is out of order of time")
        found.append(bar)
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def rows_of(traded: Sequence[Traded], last: str) -> tuple[Rows, tuple[str, ...]]:
    """Return all bars by time, and the symbols behind their codes.

    Of one time, longer bars come before shorter ones and ``last``, the instrument under test,
    after all others: as ingest appends what others refer to first.
    """
    symbols = tuple(dict.fromkeys(each.symbol for each in traded))
    listed = sorted(_listed(traded, last), key=lambda entry: entry[:4])
    rows = empty_rows(len(listed))
    rows["kind"] = Kind.BAR
    for row, (_, _, _, place, timeframe, bar) in zip(rows, listed, strict=True):
        row["ts"] = bar.end
        row["instrument"] = symbols.index(traded[place].symbol)
        row["timeframe"] = timeframe
        for name in (*_PRICES, "volume"):
            row[name] = getattr(bar, name)
    return rows, symbols


def _listed(
    traded: Sequence[Traded], last: str
) -> Iterator[tuple[int, bool, int, int, int, Candle]]:
    for place, each in enumerate(traded):
        timeframe = CODE_OF[each.timeframe]
        for bar in each.bars:
            yield bar.end, each.symbol == last, -timeframe, place, timeframe, bar
