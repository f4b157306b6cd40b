"""Lines for the eyes."""

import io
import os
from typing import Any

import pytest
import structlog
from rich.console import Console

from whispr_daemon.adapters.outlets.console import ConsoleOutlet, line
from whispr_daemon.domain.outputs import Alert, Audit, Signal
from whispr_daemon.ports.store import StoredOutput

AT = 1_380_897_300_000_000_000  # 2013-10-04 14:35 UTC
SIGNAL = Signal(
    name="GG_trigger",
    instrument="SPY",
    ts_event=AT,
    direction="up",
    price=168.94,
    level=168.90166,
    origin="golden",
)
ALERT = Alert(
    message="daily loss\n  passed [bold]3 %", severity="critical", ts_event=AT, origin="risk"
)


async def printed(output: Any, **options: Any) -> str:
    file = io.StringIO()
    outlet = ConsoleOutlet(Console(file=file, width=30, **options))
    assert await outlet.send([StoredOutput(unit_id="u", out_seq=1, created=0, output=output)]) == ""
    await outlet.close()
    return file.getvalue()


async def test_a_signal_is_one_plain_line_where_there_is_no_terminal() -> None:
    assert await printed(SIGNAL) == (
        "2013-10-04 14:35:00Z  signal  SPY     GG_trigger  up"
        "  price 168.94  level 168.90166  (golden)\n"
    )


async def test_an_alert_is_one_line_whatever_its_message_says() -> None:
    assert await printed(ALERT) == (
        "2013-10-04 14:35:00Z  critical        daily loss passed [bold]3 %  (risk)\n"
    )


def test_what_is_kept_for_the_audit_is_a_line_too() -> None:
    audit = Audit(name="suppressed", message="cooldown", instrument="SPY", origin="golden")
    assert line(audit).plain == (
        "1970-01-01 00:00:00Z  audit   SPY     suppressed cooldown  (golden)"
    )


async def test_a_terminal_gets_colour_and_a_header() -> None:
    shown = await printed(SIGNAL, force_terminal=True, color_system="standard")
    assert "\x1b[" in shown
    assert "UTC" in shown


@pytest.mark.parametrize("terminal", [False, True])
async def test_where_nobody_reads_any_more_it_goes_on_and_says_so_once(
    terminal: bool,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with (
        os.fdopen(writing, "w") as closed,
        structlog.testing.capture_logs() as journal,
    ):
        outlet = ConsoleOutlet(Console(file=closed, force_terminal=terminal))
        for _ in range(3):
            await outlet.send([StoredOutput(unit_id="u", out_seq=1, created=0, output=SIGNAL)])
    assert [said["event"] for said in journal] == ["nobody reads the console any more"]


@pytest.mark.parametrize("severity", ["debug", "info", "warn", "error", "critical"])
@pytest.mark.parametrize("direction", ["", "up", "down", "long", "short", "flat"])
def test_every_severity_and_direction_has_a_style(severity: Any, direction: Any) -> None:
    alert = Alert(message="m", severity=severity, direction=direction, origin="o")
    assert line(alert).plain.startswith(f"1970-01-01 00:00:00Z  {severity}")
