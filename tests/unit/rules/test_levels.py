"""Day levels: worked numbers, missing days, days put together from minutes."""

import numpy as np
import pytest

from tests.unit.rules.bars import bar_rows, ns
from tests.unit.rules.market import daily_row, engine, fold, minute_row, session
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.outputs import Alert
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule

RANGES = [6, 5.5, 5, 7, 5.5, 5, 5, 5.5, 6, 8, 8, 4.5, 5.5, 5, 8, 6]  # of the page's 16 days


def telling(*names: str, inputs: str = "{}") -> Rule:
    """A rule that says the values of some names at each cross of 1."""
    shown = " ".join(f"{{{name}:.4f}}" for name in names)
    text = f"name: r\ninputs: {inputs}\nlogic:\n  - if: price > 1\n    then: ['alert:{shown}']\n"
    loaded = load([RuleFile("t.yaml", text)])
    assert not loaded.errors
    return loaded.rules[0]


def said_at(rule: Rule, history: list[Rows], day: str, require: str = "formed") -> str:
    """What the rule says at the second minute of a day."""
    rows = [*history, minute_row(day, "10:00", 0.5), minute_row(day, "10:01", 607.5)]
    outputs = fold(engine(rule, require=require), np.concatenate(rows))
    return "; ".join(said.message for said in outputs if isinstance(said, Alert))


def days_before(day: str, count: int) -> list[str]:
    """The dates of the sessions before a date."""
    sessions = calendar("XNYS")
    last = int(sessions.find(np.array([ns(day, "10:00")]))[0])
    return [sessions[index].date.isoformat() for index in range(last - count, last)]


def history(day: str) -> list[Rows]:
    """The 16 daily bars of the worked example before a day; the last close is 607."""
    return [
        daily_row(before, 607 + size / 2, 607 - size / 2, 607.0)
        for before, size in zip(days_before(day, 16), RANGES, strict=True)
    ]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (("atr.trigger", "atr.trigger.down"), "608.4110 605.5890"),
        (("atr.38", "atr.-38"), "609.2839 604.7161"),
        (("atr.38.down", "atr.day.38.up"), "604.7161 609.2839"),
        (("atr.50", "atr.61", "atr.62", "atr.-62"), "609.9893 610.6948 610.6948 603.3052"),
        (("atr.78", "atr.79", "atr.100", "atr.-100"), "611.6992 611.6992 612.9787 601.0213"),
        (("atr.123", "atr.124", "atr.161", "atr.-162"), "614.3896 614.3896 616.6735 597.3265"),
        (("atr.pdc", "atr.value", "atr.level(0.382)"), "607.0000 5.9787 609.2839"),
        (("atr.pos * atr.value", "atr.pct * atr.value"), "0.5000 60700.0000"),
    ],
)  # fmt: skip
def test_worked_numbers(names: tuple[str, ...], numbers: str) -> None:
    assert said_at(telling(*names), history("2026-06-24"), "2026-06-24") == numbers


def test_the_trigger_and_the_length_are_inputs() -> None:
    rule = telling("atr.trigger", "atr.value", inputs="{atr: {trigger: 0.5, length: 15}}")
    assert said_at(rule, history("2026-06-24"), "2026-06-24") == "609.9844 5.9689"


def test_a_missing_day_before_means_no_levels_that_day() -> None:
    bars = history("2026-06-24")
    assert said_at(telling("atr.38"), bars[:-1], "2026-06-24") == "na"
    assert said_at(telling("atr.38"), bars, "2026-06-25") == "na"


def test_levels_wait_until_the_atr_has_converged() -> None:
    rule = telling("atr.38")
    assert said_at(rule, history("2026-06-24"), "2026-06-24", "converged") == ""
    for count, said in ((200, ""), (201, "607.3820")):
        bars = [daily_row(day, 607.5, 606.5, 607.0) for day in days_before("2026-06-24", count)]
        assert said_at(rule, bars, "2026-06-24", "converged") == said


def minutes(day: str, price: float, *, skip: int = 0) -> Rows:
    """A whole session of 1-minute bars, up and down 1 from a price, without the first few."""
    opens = range(session(day).open, session(day).close, MINUTE)
    bars = [(start + MINUTE, price, price + 1, price - 1, price) for start in opens]
    return bar_rows(bars[skip:])


def test_without_daily_bars_whole_sessions_make_them() -> None:
    rule = telling("atr.pdc", "atr.value", inputs="{atr: {length: 2}}")
    seen = [minutes("2026-06-22", 600.0), minutes("2026-06-23", 605.0)]
    assert said_at(rule, seen, "2026-06-24") == "605.0000 4.0000"  # (2 + 6) / 2


def test_a_session_seen_in_part_makes_no_daily_bar() -> None:
    rule = telling("atr.pdc", inputs="{atr: {length: 1}}")
    seen = [minutes("2026-06-22", 600.0), minutes("2026-06-23", 605.0, skip=1)]
    assert said_at(rule, seen, "2026-06-24") == "na"


def test_an_official_daily_bar_is_preferred_to_the_minutes() -> None:
    rule = telling("atr.pdc", inputs="{atr: {length: 2}}")
    seen = [minutes("2026-06-22", 600.0), minutes("2026-06-23", 605.0)]
    seen.append(daily_row("2026-06-23", 606.0, 604.0, 605.5))
    assert said_at(rule, seen, "2026-06-24") == "605.5000"


def test_a_half_day_counts_as_a_whole_session() -> None:
    rule = telling("atr.pdc", inputs="{atr: {length: 1}}")
    assert said_at(rule, [minutes("2013-11-29", 181.0)], "2013-12-02") == "181.0000"


def test_the_anchor_needs_no_atr() -> None:
    seen = [daily_row("2026-06-23", 606.0, 604.0, 605.0)]
    assert said_at(telling("atr.pdc", "close - atr.pdc"), seen, "2026-06-24") == "605.0000 2.5000"
    assert said_at(telling("atr.pdc"), seen, "2026-06-24", "converged") == "605.0000"
    assert said_at(telling("atr.pdc", "atr.38"), seen, "2026-06-24") == ""


def test_levels_hold_until_the_session_ends_though_its_daily_bar_is_there_before() -> None:
    rule = telling("atr.pdc", "atr.value", inputs="{atr: {length: 1}}")
    early = daily_row("2026-06-24", 700.0, 500.0, 650.0)
    early["ts"] = session("2026-06-24").close  # as the last minute
    rows = [
        daily_row("2026-06-23", 606.0, 604.0, 605.0),
        minute_row("2026-06-24", "15:58", 0.5),
        early,
        minute_row("2026-06-24", "15:59", 607.5),
        minute_row("2026-06-25", "09:30", 0.5),
        minute_row("2026-06-25", "09:31", 607.5),
    ]
    said = [
        one.message for one in fold(engine(rule), np.concatenate(rows)) if isinstance(one, Alert)
    ]
    assert said == ["605.0000 2.0000", "650.0000 200.0000"]


def test_a_daily_bar_that_is_late_brings_the_levels_when_it_comes() -> None:
    rule = telling("atr.pdc")
    late = daily_row("2026-06-23", 606.0, 604.0, 605.0)
    late["ts"] = ns("2026-06-24", "09:59")
    rows = [minute_row("2026-06-24", "09:31", 0.5), late]
    assert said_at(rule, rows, "2026-06-24") == "605.0000"


@pytest.mark.parametrize("inputs", ["{}", "{atr: {use_current_close: true}}"])
def test_the_atr_of_the_day_before_is_the_daily_indicator_to_the_last_bit(inputs: str) -> None:
    draw = np.random.default_rng(5)
    rows, days = [], days_before("2026-06-24", 60)
    for day in days:
        # Of prices of one size all ranges are multiples of one thing: their plain sum is exact.
        low = 10.0 ** draw.uniform(-2, 2)
        size, share = low * draw.uniform(), draw.uniform()
        rows += [
            minute_row(day, "09:30", low + size, low),
            minute_row(day, "10:00", low + size * share),
            daily_row(day, low + size, low, low + size * share),
        ]
    clause = "edge: every, then: ['alert:{session.high:.17g} {ATR14@1d:.17g} {atr.value:.17g}']"
    text = f"name: r\ninputs: {inputs}\nlogic:\n  - {{if: price > 0, {clause}}}\n"
    loaded = load([RuleFile("t.yaml", text)])
    outputs = fold(engine(*loaded.rules), np.concatenate(rows))
    told = [said.message.split() for said in outputs if isinstance(said, Alert)]
    values = [(daily, level) for _, daily, level in told]
    if inputs != "{}":  # of the running day: at its last minute what the indicator says next day
        nexts = [daily for _, daily, _ in told[2::2]]
        values = list(zip(nexts, [level for _, _, level in told[1:-1:2]], strict=True))
    assert len(values) > 40
    assert all(daily == level for daily, level in values)
