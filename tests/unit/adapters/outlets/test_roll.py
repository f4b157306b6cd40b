"""Rows for a terminal: they fit, keep words whole, and say the date when it changes."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from whispr_daemon.adapters.outlets.roll import Roll
from whispr_daemon.domain.outputs import Alert, Output, Signal

AT = 1_380_897_300_000_000_000  # Friday 2013-10-04 14:35 UTC
DAY = 86_400_000_000_000
RULE = "golden_gate_intraday"
SIGNAL = Signal(
    name="GG_trigger",
    instrument="SPY",
    ts_event=AT,
    direction="up",
    price=168.94,
    level=168.90166,
    origin=RULE,
)
ALERT = Alert(message="GG crossed 38%", instrument="SPY", ts_event=AT + 10**9, origin=RULE)


def shown(roll: Roll, outputs: Sequence[Output], width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(roll.rows(outputs, width))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    return [line.rstrip() for line in lines]


def test_eighty_columns_hold_a_row_with_every_word_whole() -> None:
    assert shown(Roll(), [SIGNAL, ALERT]) == [
        "Fri 2013-10-04",
        "UTC      symbol signal · alert               price    level rule",
        "14:35:00 SPY    GG_trigger          up      168.94 168.9017 golden_gate_intraday",
        "14:35:01 SPY    info GG crossed 38%                         golden_gate_intraday",
    ]


def test_the_date_is_said_when_it_changes_and_rows_are_in_order_of_time() -> None:
    roll = Roll()
    later = Signal(name="late", ts_event=AT + DAY)
    first = shown(roll, [later, SIGNAL])
    assert [line.split()[0] for line in first] == [
        "Fri",
        "UTC",
        "14:35:00",
        "Sat",
        "UTC",
        "14:35:00",
    ]
    assert [line.split()[0] for line in shown(roll, [later])] == ["14:35:00"]


def test_a_long_alert_goes_on_below_at_a_word() -> None:
    alert = Alert(message="the daily loss\n has passed [bold]3 %", severity="critical", ts_event=AT)
    rows = shown(Roll(), [alert])[2:]
    assert [row[16:35].rstrip() for row in rows] == [
        "critical the daily",
        "loss has passed",
        "[bold]3 %",
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_any_terminal_is_wide_enough(width: int) -> None:
    odd = Signal(name="N" * 40, instrument="BTC/USDT-PERP", ts_event=AT, price=1e-9, level=-1e300)
    assert shown(Roll(), [SIGNAL, ALERT, odd], width)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (168.94, "168.94"),
        (168.90166, "168.9017"),
        (123456789.125, "1.23e+08"),
        (0.0000123456, "1.23e-05"),
        (-4123.256, "-4123.26"),
        (445.0, "445"),
    ],
)
def test_a_number_has_the_digits_there_is_room_for(value: float, written: str) -> None:
    row = shown(Roll(), [Signal(name="x", ts_event=AT, price=value)])[2]
    assert row.split()[-1] == written
