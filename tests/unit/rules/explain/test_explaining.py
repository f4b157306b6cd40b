"""Explanations with the specification's numbers."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Audit, Signal
from whispr_daemon.rules.explain.explaining import explain
from whispr_daemon.rules.explain.explanation import Explanation
from whispr_daemon.rules.explain.moments import moment
from whispr_daemon.rules.explain.stored import annotated, stored, told_otherwise
from whispr_daemon.rules.explain.text import lines
from whispr_daemon.rules.explain.watching import Watch
from whispr_daemon.rules.explain.where import where_of
from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.golden.runner import prepare
from whispr_daemon.rules.load import RuleFile

CASES = Path(__file__).parents[1] / "cases"


def case(name: str, number: int = 0) -> Case:
    files = [
        RuleFile(path.name, path.read_text(encoding="utf-8"))
        for path in sorted(CASES.glob(f"{name}*.yaml"))
    ]
    return prepare(files, {}).cases[number]


def explained(found: Case, day: str, clock: str) -> list[Explanation]:
    watch = Watch([found.rule], found.rule.name, found.settings, kept=None)
    watch.fold(Batch(found.rows, found.symbols))
    where = where_of(found.rule)
    ts = moment(f"{day} {clock}", where, 0)
    assert ts is not None
    return explain(watch, found.symbols[0], ts, where)


def test_what_came_before_may_be_passed_by() -> None:
    for name, clock in (("03_ribbon", "10:48"), ("04_rsi", "09:57"), ("06_sequence", "09:36")):
        found = case(name)
        batch = Batch(found.rows, found.symbols)
        whole = explained(found, "2026-06-24", clock)
        ts = whole[0].ts
        watch = Watch([found.rule], found.rule.name, found.settings)
        end = int((found.rows["ts"] < ts).sum())
        watch.skip(Batch(batch.rows[: end // 2], batch.symbols))
        watch.pass_by(Batch(batch.rows[end // 2 : end], batch.symbols))
        watch.fold(Batch(batch.rows[end:], batch.symbols))
        assert explain(watch, found.symbols[0], ts, where_of(found.rule)) == whole


def test_a_trade_is_told_with_its_moment_and_bars_are_of_before() -> None:
    assert text_of("08_ticks", "09:31:30.250")[1:] == [
        "price > high = true",
        "  price = 101.00   (trade at 09:31:30.250, SPY)",
        "  high  = 100.50   (last complete bar, SPY 1m)",
        'actions: emit BREAK; set "breaks = 1.0"; alert info "101.00 over 100.50"',
    ]
    (once,) = explained(case("08_ticks"), "2026-06-24", "09:31:32")
    assert (once.outcome, once.because) == ("suppressed", "fired 09:31:30.250; at most 1 a bar")


def test_clauses_of_bars_and_of_ticks_are_told_where_they_were_evaluated() -> None:
    (held,) = explained(case("08_ticks"), "2026-06-24", "09:32")
    assert (held.clause, held.outcome) == ("held", "fired")


def test_a_variable_is_told_as_the_clause_saw_it() -> None:
    rule = """
name: stages
inputs: {symbols: [SPY]}
vars: {stage: {init: 0}}
logic:
  - {id: one, if: "price > 100 and stage == 0", then: ["set:stage=1"]}
  - {id: two, if: "price > 100 and stage == 1", then: ["set:stage=2"]}
tests:
  - {name: t, bars: {closes: "100 101"}, expect: []}
"""
    (found,) = prepare([RuleFile("r.yaml", rule)], {}).cases
    first, second = explained(found, "2026-06-24", "09:32")
    assert lines(first)[-2] == "    stage = 0"
    assert lines(second)[-2] == "    stage = 1"


def test_a_value_of_another_symbol_whose_bar_had_not_come_is_told_to_be_late() -> None:
    rule = """
name: beside
inputs: {symbols: [SPY], refs: {qqq: QQQ}}
logic:
  - {if: "price > qqq.close", then: ["emit:UP"], edge: every, max_fires: {count: 9, per: bar}}
tests:
  - name: t
    bars: {SPY: {closes: "5 11 12"}, QQQ: {closes: "10 10"}}
    expect: [{at: "09:32", emit: UP}, {at: "09:33", emit: UP}]
"""
    (found,) = prepare([RuleFile("r.yaml", rule)], {}).cases
    assert lines(explained(found, "2026-06-24", "09:32")[0])[3] == "  qqq.price = 10.00"
    late = "  qqq.price = 10.00   (last bar ended 09:32, late)"
    assert lines(explained(found, "2026-06-24", "09:33")[0])[3] == late
    watch = Watch([found.rule], found.rule.name, found.settings)
    watch.fold(Batch(found.rows, found.symbols))
    (kept,) = stored(found.rule, watch.outputs[-1:], where_of(found.rule))
    assert lines(kept)[-2] == "qqq.price = 10   (last bar ended 09:32, late)"


def test_a_built_in_made_of_others_is_told_by_its_call() -> None:
    rule = """
name: squeeze
inputs: {symbols: [SPY]}
logic:
  - {if: "not compressed() and bb(2, 1).upper < price", then: ["emit:OUT"]}
tests:
  - {name: t, bars: {closes: "100 101x22 103"}, expect: []}
"""
    (found,) = prepare([RuleFile("r.yaml", rule)], {}).cases
    assert lines(explained(found, "2026-06-24", "09:54")[0])[1:] == [
        "not compressed() and bb(2, 1).upper < price = false",
        "  not compressed()       = false",
        "    compressed() = true",
        "      (2 * STDEV21 - 2 * ATR14)[1] = -0.0733229",
        "      STDEV21                      = 0.00",
        "      ATR14                        = 0.0340428",
        "  bb(2, 1).upper < price = false",
        "    bb(2, 1).upper = 101.00",
        "      SMA2   = 101.00",
        "      STDEV2 = 0.00",
        "    price          = 101.00   (bar 09:53, SPY 1m)",
        "because: not compressed() is false",
    ]


def text_of(name: str, clock: str, number: int = 0, clause: int = 0) -> list[str]:
    return lines(explained(case(name, number), "2026-06-24", clock)[clause])


def test_a_fire_is_told_as_the_specification_shows_it() -> None:
    header, *body = text_of("01_verbatim", "09:36")
    rule = case("01_verbatim").rule
    assert header == (
        f"golden_gate_intraday  {rule.version[:15]}  logic[0]  SPY  2026-06-24T09:36:00-04:00  "
        "FIRED (event)"
    )
    assert body == [
        "cross(atr.38, price) = true, dir=up, gap=false",
        "  atr.38 = 609.2839   (607.00 + 0.382 × 5.9787; day, rth, as given)",  # noqa: RUF001
        "  price  = 610.00     previous 609.20   (bar 09:35, SPY 1m)",
        'actions: emit GG_trigger; alert info "GG crossed 38%"',
    ]


def test_computed_levels_name_the_close_they_stand_on() -> None:
    rule = case("01_verbatim").rule
    text = "date,open,high,low,close\n" + "".join(
        f"2026-06-{day:02d},600,606,600,607\n" for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 15, 16)
    )
    text += "2026-06-17,600,606,600,607\n2026-06-18,600,606,600,607\n2026-06-22,600,606,600,607\n"
    tests = 'tests: [{name: t, date: 2026-06-23, given: {daily: d.csv}, bars: {closes: "607 611"}, '
    tests += 'expect: [{at: "09:32", emit: GG_trigger}, {at: "09:32", alert: info}]}]'
    rule_text = (CASES / "01_verbatim.yaml").read_text(encoding="utf-8")
    files = [RuleFile("r.yaml", rule_text), RuleFile("r.test.yaml", tests)]
    (found,) = prepare(files, {"d.csv": text}).cases
    (one,) = explained(found, "2026-06-23", "09:32")
    assert one.rule == rule.name
    assert one.tree[0].operands[0].note.endswith("day, rth, official close of 2026-06-22")


def test_a_suppression_says_what_is_left_of_the_cooldown() -> None:
    header, *body = text_of("04_rsi", "09:57")
    assert header.endswith("SUPPRESSED (cooldown)")
    assert body == [
        "cross_up(RSI14, $oversold) = true, dir=up, gap=false",
        "  RSI14     = 37.2183   previous 19.8991",
        "  $oversold = 30",
        "because: fired 09:53; 26m of cooldown 30m left",
    ]


def test_the_fire_before_it_shows_its_order() -> None:
    *_, actions = text_of("04_rsi", "09:53")
    assert actions.startswith("actions: emit RSI_reclaim; order side buy, ")
    assert "stop 96.82758007, target 97.6965599" in actions


def test_why_not_names_the_first_false_part_and_the_gate() -> None:
    header, *body = text_of("02_golden_gate", "09:31", clause=0)
    assert header.endswith("NO (false)")
    assert "because: cross_up(price, atr.38) is false" in body
    assert "when: minutes_since_open >= 1 and minutes_to_close > 15 = true" in body


def test_warming_says_how_far_it_is() -> None:
    header, *body = text_of("03_ribbon", "09:40")
    assert header.endswith("NO (warming)")
    assert body[-1] == "because: warming 10/48 bars: EMA48 is na"


def test_no_edge_says_since_when() -> None:
    header, *body = text_of("03_ribbon", "10:49")
    assert header.endswith("NO (no_edge)")
    assert body[-1].startswith("because: true since 10:48: a condition fires when")


def test_a_sequence_says_which_step_it_waits_for() -> None:
    _, *body = text_of("06_sequence", "09:33")
    assert body[-1].startswith("because: 1 of 3 steps done; waits for pull: touch(atr.trigger)")


def test_pending_and_once() -> None:
    assert text_of("07_daily_loss", "09:33")[0].endswith("NO (pending)")
    _, *body = text_of("07_daily_loss", "09:38")
    assert "because: fired 09:34; at most 1 a session" in body


def test_the_gate_and_other_symbols_have_their_values() -> None:
    found = case("05_regime")
    watch = Watch([found.rule], found.rule.name, found.settings, kept=None)
    watch.fold(Batch(found.rows, found.symbols))
    where = where_of(found.rule)
    ts = moment("2026-06-24 09:40", where, 0)
    assert ts is not None
    (one,) = explain(watch, "NVDA", ts, where)
    assert one.facts == ("when: vix.price < 20 and spy.price > spy.SMA2@5m = false",)


def test_a_shut_gate_names_what_shuts_it() -> None:
    text = (
        'name: r\nwhen: "price < 10"\nlogic:\n  - {if: "cross(price, 11)", then: ["emit:X"]}\n'
        'tests: [{name: t, bars: {closes: "9 12"}, expect: []}]\n'
    )
    (found,) = prepare([RuleFile("r.yaml", text)], {}).cases
    (one,) = explained(found, "2026-06-24", "09:32")
    assert (one.outcome, one.reason) == ("suppressed", "when")
    assert one.because == "the gate 'when' is shut: price < 10 is false"


def test_nothing_is_told_of_a_moment_without_an_evaluation() -> None:
    assert explained(case("01_verbatim"), "2026-06-24", "12:00") == []


# ------------------------------------------------------------------ moments
@pytest.mark.parametrize(
    "text",
    ["09:36", "2026-06-24 09:36", "2026-06-24T09:36", "2026-06-24T09:36-04:00",
     "2026-06-24T13:36:00Z", "2026-06-24T09:36:00"],
)  # fmt: skip
def test_a_moment_is_said_in_several_ways(text: str) -> None:
    where = where_of(case("01_verbatim").rule)
    last = 1_782_327_600_000_000_000  # 2026-06-24 15:00 in New York
    assert moment(text, where, last) == 1_782_308_160_000_000_000


@pytest.mark.parametrize("text", ["", "9:36", "noon", "2026-13-01 09:36", "25:00"])
def test_no_moment_is_none(text: str) -> None:
    assert moment(text, where_of(case("01_verbatim").rule), 0) is None


# ------------------------------------------------------------------ from the store
def _said(*, fired: bool) -> Sequence[Signal | Audit]:
    shared = {"instrument": "SPY", "ts_event": 1_782_308_160_000_000_000, "version": "sha256:1"}
    values = {"atr.38": 609.283856, "price": 610.0, "cross(atr.38, price)": True, "x": None}
    data = {"clause": "logic[0]", "values": values, "gap": False}
    if fired:
        return [Signal(name="GG", direction="up", data={**data, "action": 0}, **shared)]
    return [Audit(name="suppressed", data={**data, "reason": "once"}, **shared)]


def test_what_the_log_no_longer_holds_is_told_from_the_store() -> None:
    rule = case("01_verbatim").rule
    (one,) = stored(rule, _said(fired=True), where_of(rule))
    assert (one.outcome, one.source, one.actions) == ("fired", "store", ("emit GG",))
    assert "price = 610" in lines(one)
    assert "x = na" in lines(one)
    (held,) = stored(rule, _said(fired=False), where_of(rule))
    assert lines(held)[0].endswith("SUPPRESSED (once)")


def test_a_replay_that_comes_out_otherwise_says_what_the_daemon_said() -> None:
    (one,) = explained(case("01_verbatim"), "2026-06-24", "09:35")
    assert told_otherwise([one], []) == [one]
    (beside,) = told_otherwise([one], _said(fired=True))
    assert beside.facts[-1].startswith("the daemon said: emit GG")


def test_a_moment_whose_bar_was_corrected_since_says_so() -> None:
    (one, *_) = explained(case("03_ribbon"), "2026-06-24", "10:48")
    line = Audit(name="correction", message="a 1m bar of SPY was corrected: its close is 9")
    (told,) = annotated([one], [*_said(fired=True), line])
    assert told.facts == (*one.facts, "since: a 1m bar of SPY was corrected: its close is 9")
    assert annotated([one], _said(fired=True)) == [one]


def test_what_a_split_holds_back_names_the_split() -> None:
    found = explained(case("10_split"), "2026-06-25", "00:00")
    held = {one.clause: one.because for one in found if one.outcome == "suppressed"}
    assert held == {
        "every": "the first evaluation since prices of SPY before 2026-06-24 are multiplied by 0.5"
    }


def test_of_a_split_that_was_passed_by_nothing_is_forgotten() -> None:
    found = case("10_split")
    rows, symbols = found.rows, found.symbols
    watch = Watch([found.rule], found.rule.name, found.settings)
    for begin, end, take in ((0, 4, watch.skip), (4, 6, watch.pass_by), (6, len(rows), watch.fold)):
        take(Batch(rows[begin:end], symbols))
    assert watch.fires("SPY", "averages") == [
        wanted.ts for wanted in found.expect or () if wanted.said.get("emit") == "averages"
    ]
