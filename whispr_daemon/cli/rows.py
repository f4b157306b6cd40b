"""Outputs as rows: for people a table, for machines CSV or JSON."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from whispr_daemon.adapters.outlets.console import written
from whispr_daemon.adapters.outlets.roll import Roll
from whispr_daemon.adapters.outlets.styles import DIRECTIONS
from whispr_daemon.cli.options import Format
from whispr_daemon.domain.outputs import Alert, Audit, Output, encode, kind_of
from whispr_daemon.domain.timeframe import SECOND
from whispr_daemon.ports.store import StoredOutput

COLUMNS: Final = (
    "ts_event",
    "instrument",
    "origin",
    "kind",
    "name",
    "direction",
    "price",
    "level",
    "message",
    "id",
)


def sorted_rows(stored: Iterable[StoredOutput]) -> list[Output]:
    """Return outputs by event time, instrument, origin, ordinal; equals as they were said."""
    said = sorted(stored, key=lambda each: (each.unit_id, each.out_seq))
    outputs = [each.output for each in said]
    return sorted(
        outputs, key=lambda each: (each.ts_event, each.instrument, each.origin, each.ordinal)
    )


def is_told(stored: StoredOutput) -> bool:
    """Is it for people who ask what was said? What is kept for the audit only is not."""
    return not isinstance(stored.output, Audit)


def iso(ts: int) -> str:
    """Return ns UTC as ISO 8601 with offset; a fraction only where there is one."""
    moment = datetime.fromtimestamp(ts // SECOND, tz=UTC).isoformat()
    fraction = f"{ts % SECOND:09d}".rstrip("0")
    return moment.replace("+00:00", f".{fraction}+00:00") if fraction else moment


def cells(output: Output) -> tuple[str, ...]:
    """Return one output's cells, in the order of COLUMNS. Numbers are exact (shortest repr)."""
    message = output.message if isinstance(output, Alert) else ""
    return (
        iso(output.ts_event),
        output.instrument,
        output.origin,
        kind_of(output),
        output.name,
        output.direction,
        "" if output.price is None else repr(output.price),
        "" if output.level is None else repr(output.level),
        message,
        output.id,
    )


def render(outputs: Sequence[Output], form: Format, console: Console) -> str:
    """Return the rows as text that ends with a newline."""
    if form is Format.JSON:
        return msgspec.json.format(msgspec.json.encode(outputs), indent=1).decode() + "\n"
    if form is Format.CSV or console.is_terminal:
        return Rows(form, console).text(outputs)
    with console.capture() as capture:
        console.print(table(outputs))
    return capture.get()


class Rows:
    """Rows to which more may follow: CSV under one header, JSON lines, or as the console has it."""

    def __init__(self, form: Format, console: Console) -> None:
        """``console`` is where rows for people go."""
        self._form = form
        self._console = console
        self._roll = Roll()
        self._begun = False

    def text(self, outputs: Sequence[Output]) -> str:
        """Return the next rows as whole lines; before the first of CSV the header."""
        if self._form is Format.JSON:
            return "".join(encode(output).decode() + "\n" for output in outputs)
        if self._form is Format.TABLE:
            return written(outputs, self._console, self._roll)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self._begun:
            writer.writerow(COLUMNS)
        self._begun = True
        writer.writerows(cells(output) for output in outputs)
        return text.getvalue()


def table(outputs: Sequence[Output]) -> Table:
    """Return the rows as a table, all columns but the id, for a file or a pager."""
    made = Table(*COLUMNS[:-1], header_style="bold", expand=False)
    for output in outputs:
        made.add_row(*cells(output)[:-1], style=DIRECTIONS.get(output.direction, ""))
    return made
