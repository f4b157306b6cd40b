"""What rules see: a rule that tells values at every evaluation, and rows of several kinds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from tests.unit.rules.bars import NEW_YORK, bar_rows, ns
from tests.unit.rules.market import engine, fold
from whispr_daemon.domain.batch import NO_INSTRUMENT, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Audit, Output
from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.strategy import RulesStrategy

DAY = "2026-06-24"


def telling(*names: str, inputs: str = "{}", top: str = "") -> Rule:
    """A rule that says the values of some expressions at every evaluation."""
    shown = " ".join(f"{{{name}:.10g}}" for name in names)
    how = "edge: every, fire_on_start: true, max_fires: {count: 999, per: bar}"
    clause = f"{{if: 'price == price', {how}, then: ['log:{shown}']}}"
    text = f"name: t\n{top}inputs: {inputs}\nlogic:\n  - {clause}\n"
    loaded = load([RuleFile("t.yaml", text)])
    assert [str(found) for found in loaded.errors] == []
    return loaded.rules[0]


class Told(NamedTuple):
    """What was told at one evaluation."""

    at: str  # New York time of the evaluation
    symbol: str
    text: str


def told(outputs: Sequence[Output]) -> list[Told]:
    """Return what a telling rule said."""
    found = []
    for output in outputs:
        if isinstance(output, Audit) and output.name == "log":
            local = datetime.fromtimestamp(output.ts_event // 1_000_000_000, NEW_YORK)
            found.append(Told(f"{local:%H:%M:%S}", output.instrument, output.message))
    return found


def texts(outputs: Sequence[Output], symbol: str = "SPY") -> list[str]:
    """Return what a telling rule said of one instrument."""
    return [one.text for one in told(outputs) if one.symbol == symbol]


def bar(clock: str, close: float, *, timeframe: str = "1m", **how: Any) -> Rows:
    """Return a bar that begins at a New York time; high and low are 1 away from the close."""
    start = ns(how.get("day", DAY), clock) + how.get("seconds", 0) * 1_000_000_000
    end = start + NANOS_OF[CODE_OF[timeframe]]
    row = bar_rows([(end, close, close + 1, close - 1, close)], timeframe)
    row["instrument"] = how.get("code", 0)
    row["volume"] = how.get("volume", 10.0)
    return row


def bars(clock: str, closes: str, *, timeframe: str = "1m", **how: Any) -> Rows:
    """Return bars one after the other; ``_`` is a missing one."""
    first = ns(how.get("day", DAY), clock)
    length = NANOS_OF[CODE_OF[timeframe]]
    rows = []
    for place, word in enumerate(closes.split()):
        if word != "_":
            row = bar("00:00", float(word), timeframe=timeframe, **how)
            row["ts"] = first + (place + 1) * length
            rows.append(row)
    return np.concatenate(rows)


def trade(clock: str, seconds: float, price: float, *, code: int = 0, size: float = 1.0) -> Rows:
    """Return a trade some seconds after a New York time."""
    row = empty_rows(1)
    row["kind"], row["instrument"] = Kind.TRADE, code
    row["ts"] = ns(DAY, clock) + int(seconds * 1_000_000_000)
    for field in ("open", "high", "low", "close"):
        row[field] = price
    row["volume"] = size
    return row


def quote(clock: str, seconds: float, bid: float, ask: float) -> Rows:
    """Return a quote some seconds after a New York time."""
    row = trade(clock, seconds, 0.0)
    row["kind"], row["open"], row["high"] = Kind.QUOTE, bid, ask
    row["low"] = row["close"] = 1.0
    return row


def tick(clock: str, day: str = DAY) -> Rows:
    """Return a tick of the log's clock."""
    row = empty_rows(1)
    row["kind"], row["instrument"], row["ts"] = Kind.CLOCK, NO_INSTRUMENT, ns(day, clock)
    return row


def market(*rows: Rows) -> Rows:
    """Return rows one after the other."""
    return np.concatenate(rows)


def same_however_cut(
    rule: Rule, rows: Rows, symbols: Sequence[str] = ("SPY",), **settings: Any
) -> list[Output]:
    """Return the outputs; assert that they are the same row by row, restarted at every row."""
    once = engine(rule, **settings)
    whole = fold(once, rows, symbols)
    piecewise = engine(rule, **settings)
    restarted = engine(rule, **settings)
    pieces: list[Output] = []
    resumed: list[Output] = []
    for at in range(len(rows)):
        pieces += fold(piecewise, rows[at : at + 1], symbols)
        resumed += fold(restarted, rows[at : at + 1], symbols)
        fresh = engine(rule, **settings)
        fresh.restore(restarted.snapshot())
        restarted = fresh
    assert pieces == whole
    assert resumed == whole
    assert piecewise.snapshot() == once.snapshot() == restarted.snapshot()
    return whole


def strategy_of(*rules: Rule, **settings: Any) -> RulesStrategy:
    """Return rules at work."""
    return engine(*rules, **settings)
