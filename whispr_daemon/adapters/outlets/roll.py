"""A table that goes on for as long as a terminal shows it: columns of fixed width, no end."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from whispr_daemon.adapters.outlets.styles import DIRECTIONS, SEVERITIES
from whispr_daemon.domain.outputs import Alert, Output
from whispr_daemon.domain.timeframe import SECOND

_HEADER: Final = ("UTC", "symbol", "signal · alert", "", "price", "level", "rule")
_TIME, _DIRECTION, _NUMBER = 8, 5, 8  # columns of the terminal
_NARROW, _WIDE = 6, 10  # of a symbol
_ROOMY: Final = 90  # columns of a terminal from which on a symbol gets the wide column
_GAPS: Final = len(_HEADER) - 1
_ORIGIN: Final = 24  # columns a rule's name gets at most
_LEAST: Final = 8  # for a name, however narrow the terminal is


class Roll:
    """Makes rows, each date under its header. It remembers the date of the last row."""

    def __init__(self) -> None:
        """There is no row yet."""
        self._day: date | None = None

    def rows(self, outputs: Sequence[Output], width: int) -> RenderableType:
        """Return the next rows, in order of event time, for a terminal of ``width`` columns."""
        parts: list[RenderableType] = []
        in_time = sorted(outputs, key=lambda each: each.ts_event)
        for day, said in groupby(in_time, key=lambda each: _moment(each).date()):
            table = _table(width)
            if day != self._day:
                self._day = day
                parts.append(Text(f"{day:%a %Y-%m-%d}", style="bold"))
                table.add_row(*_HEADER, style="dim")
            for output in said:
                table.add_row(*_cells(output))
            parts.append(table)
        return Group(*parts)


def _table(width: int) -> Table:
    symbol = _NARROW if width < _ROOMY else _WIDE
    spare = width - _GAPS - _TIME - symbol - _DIRECTION - 2 * _NUMBER
    origin = max(_LEAST, min(_ORIGIN, (spare + 1) // 2))
    said = max(_LEAST, spare - origin)
    table = Table.grid(padding=(0, 1, 0, 0))
    for each in (_TIME, symbol, said, _DIRECTION):
        table.add_column(width=each, overflow="fold")
    for each in (_NUMBER, _NUMBER):
        table.add_column(width=each, overflow="fold", justify="right")
    table.add_column(width=origin, overflow="fold", style="dim")
    return table


def _cells(output: Output) -> tuple[Text | str, ...]:
    if isinstance(output, Alert):
        style = SEVERITIES[output.severity]
        said = Text(f"{output.severity} {' '.join(output.message.split())}", style)
    else:
        said = Text(output.name, "bold magenta")
    return (
        Text(f"{_moment(output):%H:%M:%S}", "dim"),
        Text(output.instrument, "bold"),
        said,
        Text(output.direction, DIRECTIONS.get(output.direction, "")),
        _number(output.price),
        _number(output.level),
        Text(output.origin),
    )


def _moment(output: Output) -> datetime:
    return datetime.fromtimestamp(output.ts_event // SECOND, tz=UTC)


def _number(value: float | None) -> str:
    """Write a number with as many digits as its column has room for."""
    if value is None:
        return ""
    written = (f"{value:.{digits}g}" for digits in range(_NUMBER, 0, -1))
    return next((each for each in written if len(each) <= _NUMBER), f"{value:.1g}")
