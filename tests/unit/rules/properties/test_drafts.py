"""What rules write down themselves is what is made of the outputs they say, byte for byte."""

import pytest

from tests.unit.rules.properties.harness import loaded, strategy
from tests.unit.rules.properties.random_markets import SYMBOLS, random_market
from tests.unit.rules.properties.random_rules import random_rule
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Draft, Sealer
from whispr_daemon.rules.jit import UNCOMPILED
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.rules.rule import Rule

PLAIN = """
name: plain
description: 'who "says" 100 %'
tags: [ä, "%b"]
logic:
  - {if: "cross_up(close, EMA3)", then: ["emit:up", "emit:again"]}
  - {if: "close < EMA5", once: session, then: ["emit:down"]}
  - {if: "close > EMA5 and close / volume > 0", then: ["emit:much", "alert:{close}"]}
"""


def compared(rules: tuple[Rule, ...], shape: int) -> int:
    """Compare both; return how many were drafts."""
    said, drafted = strategy(rules, UNCOMPILED), strategy(rules, UNCOMPILED)
    one, other = Sealer("rules", "1"), Sealer("rules", "1")
    rows = random_market(shape, brief=True).rows
    drafts = 0
    for begin in range(0, len(rows), 500):
        batch = Batch(rows[begin : begin + 500], SYMBOLS)
        mine = list(drafted.drafts(batch))
        drafts += sum(isinstance(each, Draft) for each in mine)
        wanted = [one.write(each, 0) for each in said.on_batch(batch)]
        assert other.write_all(mine) == wanted
        assert [each.output.id for each in wanted] == [each.id for each in wanted]
    assert drafted.snapshot() == said.snapshot()
    assert other.snapshot() == one.snapshot()
    return drafts


@pytest.mark.parametrize("shape", range(8))
def test_rules_by_chance_write_down_what_they_say(shape: int) -> None:
    compared(loaded(random_rule(shape, numbers, 1) for numbers in range(6)), shape)


def test_signals_and_what_was_stopped_are_written_down_without_an_object() -> None:
    assert compared(loaded([RuleFile("plain.yaml", PLAIN)]), 1) > 50
