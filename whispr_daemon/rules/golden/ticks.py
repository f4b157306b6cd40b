"""The trades and quotes of a test: tables of times and prices, as rows of a batch."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from whispr_daemon.domain.events import Kind
from whispr_daemon.rules.golden.lines import Line, dated_lines, number
from whispr_daemon.rules.golden.market import Event
from whispr_daemon.rules.golden.notation import MAX_BARS, NotationError
from whispr_daemon.rules.golden.times import RuleClock, read_time

SIZE: Final = 100.0  # of trades that do not say


def trades_of_table(text: str, clock: RuleClock, day: date) -> list[Event]:
    """Return the trades of lines ``time price [size]``; a date begins a new day.

    Raises:
        NotationError: a line is none of these, or out of order.
    """
    return _ticks(text, clock, day, _trade)


def quotes_of_table(text: str, clock: RuleClock, day: date) -> list[Event]:
    """Return the quotes of lines ``time bid ask``; a date begins a new day.

    Raises:
        NotationError: a line is none of these, or out of order.
    """
    return _ticks(text, clock, day, _quote)


def _ticks(
    text: str, clock: RuleClock, day: date, read: Callable[[int, Line], Event]
) -> list[Event]:
    found: list[Event] = []
    for line in dated_lines(text, day):
        moment = read_time(line.words[0])
        if moment is None:
            message = f"{line.words[0]!r} is neither a time such as 09:30:05.250 nor a date"
            raise NotationError(line.at[0], message)
        tick = read(clock.ns(line.day, moment), line)
        if found and tick.end < found[-1].end:
            raise NotationError(line.at[0], "ticks must come in order of time")
        found.append(tick)
        if len(found) > MAX_BARS:
            raise NotationError(line.at[0], f"more than {MAX_BARS:,} ticks")
    return found


def _trade(ts: int, line: Line) -> Event:
    price, *rest = _numbers(line, ("price", "size"), "time price [size]", least=1)
    size = rest[0] if rest else SIZE
    return Event(ts, price, price, price, price, size, Kind.TRADE)


def _quote(ts: int, line: Line) -> Event:
    bid, ask = _numbers(line, ("bid", "ask"), "time bid ask", least=2)
    if ask < bid:
        raise NotationError(line.at[2], f"the ask {ask:g} is below the bid {bid:g}")
    return Event(ts, bid, ask, 0.0, 0.0, 0.0, Kind.QUOTE)


def _numbers(line: Line, names: Sequence[str], shape: str, *, least: int) -> list[float]:
    words = line.words[1:]
    if not least <= len(words) <= len(names):
        count = f"this one has {len(words)} number{'' if len(words) == 1 else 's'}"
        raise NotationError(line.at[0], f"a line is '{shape}'; {count}")
    found = []
    for name, word, at in zip(names, words, line.at[1:], strict=False):
        value = number(word)
        if value is None or value < 0 or (value == 0 and name != "size"):
            raise NotationError(at, f"{word!r} is not a {name}")
        found.append(value)
    return found
