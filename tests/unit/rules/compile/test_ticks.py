"""Clauses of one rule, some on ticks and some on bars: variables and signals are shared."""

import numpy as np

from tests.unit.rules.bars import close_rows
from tests.unit.rules.compile.clauses import START
from tests.unit.rules.market import engine, fold
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule

SECOND = 1_000_000_000
TEXT = """
name: t
vars: {n: {init: 0}}
logic:
  - {id: a, if: "cross_up(price, 10)", evaluate: tick, once: bar, then: ["emit:S", "set:n=n+1"]}
  - {id: b, if: "n > 0 and count('S', 2m) > 0", edge: every, then: ["emit:B"]}
"""


def market() -> Rows:
    """Trades of two minutes, and the bars of four."""
    bars = close_rows([9.0] * 4, START)
    trades = np.repeat(bars[:1], 6)
    trades["kind"] = Kind.TRADE
    trades["timeframe"] = 0
    trades["ts"] = [START + second * SECOND for second in (5, 10, 15, 20, 65, 70)]
    trades["close"] = [9.0, 11.0, 9.0, 11.0, 9.0, 11.0]
    rows = np.concatenate([trades, bars])
    return rows[np.argsort(rows["ts"], kind="stable")]


def mixed() -> Rule:
    loaded = load([RuleFile("t.yaml", TEXT)])
    assert [str(found) for found in loaded.errors] == []
    return loaded.rules[0]


def test_ticks_set_what_bars_read() -> None:
    outputs = fold(engine(mixed()), market())
    assert [((one.ts_event - START) // SECOND, one.name) for one in outputs] == [
        (10, "S"),
        (10, "set"),
        (20, "suppressed"),  # once a bar
        (60, "B"),
        (70, "S"),
        (70, "set"),
        (120, "B"),
        (180, "B"),
    ]


def test_however_it_is_cut() -> None:
    whole = [repr(one) for one in fold(engine(mixed()), market())]
    one_by_one = engine(mixed())
    rows = market()
    pieces = [
        repr(one)
        for at in range(len(rows))
        for one in one_by_one.on_batch(Batch(rows[at : at + 1], ["SPY"]))
    ]
    assert pieces == whole
