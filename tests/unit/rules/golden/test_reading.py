"""What tests may say, and every mistake in them with its place."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.golden.runs import TENTH, mistakes_of, report_of, result_of
from whispr_daemon.rules.golden.runner import prepare, run
from whispr_daemon.rules.load import RuleFile

UP = 'expect: [{at: "09:32", emit: UP}, {at: "09:32", alert: info}]'


# ------------------------------------------------------------------ what may be said
@pytest.mark.parametrize(
    "bars",
    [
        'bars: {closes: "9 11"}',
        'bars: {start: "09:30", closes: "9 11"}',
        'bars: {SPY: {closes: "9 11"}, QQQ: {closes: "9 11"}}',
        "bars: |\n  09:30 9 9 9 9\n\n  09:31 9 11 9 11 500   # up",
        'bars:\n  SPY: "09:30 9 9 9 9\\n09:31 9 11 9 11"\n  QQQ: {closes: "5"}',
    ],
)
def test_bars_come_in_several_ways(bars: str) -> None:
    assert result_of(f"{bars}\n{UP}").failures == ()


def test_a_date_of_its_own_and_dates_in_the_bars() -> None:
    one = 'date: 2013-10-04\nbars: {closes: "9 11"}\nexpect:\n'
    whole = '  - {at: "2013-10-04 09:32", emit: UP}\n  - {at: "09:32", alert: info}'
    assert result_of(one + whole).passed
    table = "bars: |\n  2013-10-03\n  15:59 9 9 9 9\n  2013-10-04\n  09:30 11 11 11 11\n"
    after = 'expect: [{at: "2013-10-04 09:31", emit: UP}, {at: "2013-10-04 09:31", alert: info}]'
    assert result_of(table + after).passed


def test_closes_go_on_in_the_next_session() -> None:
    test = 'bars: {start: "15:59", closes: "9 11"}\nexpect:\n'
    assert result_of(
        test + '  - {at: "2026-06-25 09:31", emit: UP}\n  - {at: "2026-06-25 09:31", alert: info}'
    ).passed


def test_daily_bars_come_from_a_file_beside() -> None:
    rule = TENTH.replace("price, 10", "price, atr.pdc")
    test = f'given: {{daily: d.csv}}\nbars: {{closes: "9 11"}}\n{UP}'
    daily = {"d.csv": "date,open,high,low,close\n2026-06-22,9,9,9,9\n2026-06-23,9,12,9,10\n"}
    assert result_of(test, rule, **daily).passed
    assert mistakes_of(test, rule) == ["3:20 E522 there is no file d.csv of UTF-8 text"]
    wrong = {"d.csv": "date,open,high,low,close\n2026-06-23,9,12,9\n"}
    (mistake,) = mistakes_of(test, rule, **wrong)
    assert "d.csv: line 2 is not" in mistake


def test_parameters_account_and_position_are_given() -> None:
    rule = (
        "name: r\nparams: {n: {default: 10, max: 50}}\nlogic:\n"
        '  - if: "cross_up(price, $n) and position.qty > 5 and account.equity > 1"\n'
        '    then: ["emit:UP"]\n'
    )
    given_ = 'given:\n  position: [{at: "09:31", qty: 9}]\n  account: [{at: "09:31", equity: 2}]\n'
    test = 'bars: {closes: "18 19 21"}\nexpect: [{at: "09:33", emit: UP}]'
    assert result_of(f"params: {{n: 20}}\n{given_}{test}", rule).passed
    assert mistakes_of(f"params: {{n: 99}}\n{test}", rule) == [
        "3:17 E523 n is 99; the most it may be is 50"
    ]
    (mistake,) = mistakes_of(f"params: {{m: 9}}\n{test}", rule)
    assert mistake.startswith("3:17 E523 the rule has no parameter 'm'")


def test_before_the_first_position_there_is_none_and_percentages_are_figures() -> None:
    rule = (
        "name: r\nlogic:\n  - {id: in, if: \"position.qty > 0 and position.side == 'long'\", "
        'then: ["emit:IN"]}\n'
        '  - {id: loss, if: "account.daily_pnl_pct <= -2%", fire_on_start: true, then: [halt]}\n'
    )
    test = """\
given:
  position: [{at: "09:32", qty: 5, side: long}]
  account: [{at: "09:33", daily_pnl_pct: -2.5%}]
bars: {closes: "9x3"}
expect: [{at: "09:32", emit: IN}, {at: "09:33", halt: {}}]
expect_values: [{at: "09:31", expr: "position.qty", value: 0}]
"""
    assert result_of(test, rule).failures == ()


def test_a_rule_that_is_off_or_in_the_shadow_is_tested_as_if_it_were_live() -> None:
    test = f'bars: {{closes: "9 11"}}\n{UP}'
    for line in ("enabled: false", "mode: shadow", "mode: off"):
        assert result_of(test, f"{line}\n{TENTH}").passed


def test_warm_up_is_formed_unless_the_test_says_otherwise() -> None:
    rule = TENTH.replace("price, 10", "price, SMA2")
    test = 'bars: {closes: "9 9 8 11"}\nexpect:'
    assert not result_of(f"{test} []", rule).passed
    ema = TENTH.replace("price, 10", "price, EMA2")
    assert result_of(f"warmup: converged\n{test} []", ema).passed


def test_values_of_expressions_are_compared() -> None:
    test = """\
bars: {closes: "9 11 10"}
expect_values:
  - {at: "09:32", expr: "SMA2", value: 10}
  - {at: "09:31", expr: "SMA2", value: na}
  - {at: "09:32", expr: "price > 10", value: true}
  - {at: "09:33", expr: "cross_down(price, 10.5)", value: true}
  - {at: "09:33", expr: "price * 3", value: 30.4, tol: 0.5}
"""
    assert result_of(test).failures == ()


def test_fires_held_back_are_compared() -> None:
    test = 'bars: {closes: "9 11 9 11"}\nexpect_suppressed: [{at: "09:34", id: up, reason: %s}]'
    assert result_of(test % "cooldown").passed
    (failure,) = result_of(test % "once").failures
    assert failure.got == "held back were: 09:34 up: cooldown"


TICKING = TENTH.replace("symbols: [SPY]", "symbols: [SPY], evaluate: tick")
TRADED = 'expect: [{at: "09:30:07.500", emit: UP}, {at: "09:30:07.500", alert: info}]'


@pytest.mark.parametrize(
    "trades",
    [
        "trades: |\n  09:30 9\n  09:30:07.5 11 300   # up",
        "trades:\n  SPY: |\n    09:30:00 9\n    09:30:07.500 11\n  QQQ: 09:30 5",
        "quotes: |\n  09:30:01 9 9.5\ntrades: |\n  09:30:02 9\n  09:30:07.500000 11",
    ],
)
def test_trades_and_quotes_come_in_several_ways(trades: str) -> None:
    result = result_of(f"{trades}\n{TRADED}", TICKING)
    assert (result.failures, result.bars) == ((), 0)
    assert result.ticks in (2, 3)


def test_bars_are_made_of_the_trades_of_a_test() -> None:
    test = """\
trades: |
  2026-06-23
  15:59:59 9
  2026-06-24
  09:30:00 9
  09:30:59.999 11
  09:31:20 12
expect: [{at: "2026-06-24 09:31", emit: UP}, {at: "2026-06-24 09:31", alert: info}]
expect_values:
  - {at: "2026-06-24 09:31", expr: "close", value: 11}
  - {at: "2026-06-24 09:32", expr: "volume", value: 100}
"""
    assert result_of(test).failures == ()


def test_the_last_of_several_evaluations_at_one_time_counts() -> None:
    test = """\
trades: |
  09:30:05 9
  09:30:05 9.5
expect: []
expect_values: [{at: "09:30:05", expr: "price", value: 9.5}]
"""
    assert result_of(test, TICKING).failures == ()


# ------------------------------------------------------------------ mistakes
@pytest.mark.parametrize(
    ("test", "mistake"),
    [
        ('bars: {closes: "9 x"}\nexpect: []', "3:23 E520 'x' is no series"),
        ("bars: |\n  09:30 9 9 9 9\n  09:31 9 8 9 9\nexpect: []", "5:15 E520 the high 8"),
        ("bars: |\n  09:30 9 9 9\nexpect: []", "4:7 E520 a line is"),
        ("bars: |\n  9:30 9 9 9 9\nexpect: []", "4:7 E520 '9:30' is neither"),
        (
            'bars: "9 11"\nexpect: []',
            "3:12 E520 '9' is neither a time such as 09:30 nor a date (cl",
        ),
        ("bars: |\n  09:31 9 9 9 9\n  09:30 9 9 9 9\nexpect: []", "5:7 E520 bars must come"),
        ("bars: |\n  2026-02-30\nexpect: []", "4:7 E520"),
        ('bars: {closes: "9", step: 5}\nexpect: []', "3:25 E501 unknown key 'step'"),
        ('bars: {QQQ: {closes: "9"}}\nsymbol: SPY\nexpect: []', "3:11 E520 there are no bars"),
        ("expect: []", "2:5 E502 tests.0 needs one of 'bars', 'trades', 'quotes'"),
        ("trades: |\n  09:30 9 1 1\nexpect: []", "4:7 E520 a line is 'time price [size]'; this"),
        (
            "trades: |\n  09:30\nexpect: []",
            "4:7 E520 a line is 'time price [size]'; this one has 0",
        ),
        ("trades: |\n  09:30 0\nexpect: []", "4:13 E520 '0' is not a price"),
        ("trades: |\n  9h 9\nexpect: []", "4:7 E520 '9h' is neither a time such as 09:30:05.250"),
        ("trades: |\n  09:31 9\n  09:30 9\nexpect: []", "5:7 E520 ticks must come in order"),
        ("quotes: |\n  09:31 9 8\nexpect: []", "4:15 E520 the ask 8 is below the bid 9"),
        ("quotes: |\n  09:31 9\nexpect: []", "4:7 E520 a line is 'time bid ask'; this one has 1"),
        ("trades: 5\nexpect: []", "3:13 E503 tests.0.trades is 5; expected lines 'time price"),
        ("trades: {QQQ: 09:30 9}\nsymbol: SPY\nexpect: []", "3:13 E520 there are no trades of SPY"),
        ('bars: {closes: "9"}\nsymbol: QQQ\nexpect: []', "4:13 E524 the rule is about SPY"),
        ('bars: {closes: "9"}\ndate: 2026-13-01\nexpect: []', "4:11 E524"),
        ('bars: {closes: "9"}', "2:11 E521 the test expects nothing"),
        ('bars: {closes: "9"}\nexpect: [{emit: UP}]', "4:14 E521 needs 'at'"),
        ('bars: {closes: "9"}\nexpect: [{at: "9h", emit: UP}]', "4:20 E524 '9h'"),
        ('bars: {closes: "9"}\nexpect: [{at: "09:31", emitt: U}]', "4:28 E501 unknown key 'emitt'"),
        ('bars: {closes: "9"}\nexpect: [{at: "09:31", dir: up}]', "4:14 E521 says nothing"),
        (
            'bars: {closes: "9"}\nexpect_values: [{at: "09:31", expr: "EMA13 >", value: 1}]',
            "4:49 E101",
        ),
        (
            'bars: {closes: "9"}\nexpect_values: [{at: "09:31", expr: "prise", value: 1}]',
            "4:42 E201",
        ),
        (
            'bars: {closes: "9"}\nexpect_suppressed: [{at: "09:31", id: dwn}]',
            "4:43 E521 the rule has no clause 'dwn'",
        ),
        (
            'bars: {closes: "9"}\nexpect_suppressed: [{at: "09:31", reason: coldown}]',
            "4:47 E521 'coldown' is none of",
        ),
    ],
)
def test_a_mistake_has_its_place(test: str, mistake: str) -> None:
    found = mistakes_of(test)
    assert len(found) == 1, found
    assert found[0].startswith(mistake), found


def test_a_mistake_stops_its_own_test_only() -> None:
    text = (
        "tests:\n  - {name: a, bars: {closes: x}, expect: []}\n"
        '  - {name: b, bars: {closes: "9"}, expect: []}\n'
    )
    report = run([RuleFile("r.yaml", TENTH), RuleFile("r.test.yaml", text)])
    assert [one.name for one in report.results] == ["b"]
    assert [found.code for found in report.diagnostics] == ["E520"]
    assert not report.passed


def test_tests_find_their_rule_beside_or_above() -> None:
    tests = 'tests: [{name: t, bars: {closes: "9"}, expect: []}]\n'
    above = [RuleFile("a/r.yaml", TENTH), RuleFile("a/tests/r.test.yaml", tests)]
    assert len(run(above).results) == 1
    lost = run([RuleFile("a/r.yaml", TENTH), RuleFile("b/r.test.yaml", tests)])
    assert [str(found) for found in lost.diagnostics] == [
        "b/r.test.yaml:1:1: E526 there is no rule b/r.yaml that these tests could be of"
    ]


def test_a_broken_rule_without_tests_is_told_and_fails_nothing() -> None:
    tests = 'tests: [{name: t, bars: {closes: "9"}, expect: []}]\n'
    files = [
        RuleFile("r.yaml", TENTH),
        RuleFile("r.test.yaml", tests),
        RuleFile("bad.yaml", "name: bad\n"),
    ]
    report = run(files)
    assert report.passed
    assert [found.path for found in report.untested] == ["bad.yaml"]
    broken = run([RuleFile("r.yaml", TENTH.replace("price", "prise")), files[1]])
    assert not broken.passed
    assert broken.results == ()


LEAVES = st.none() | st.booleans() | st.integers(-5, 5)
LEAVES |= st.sampled_from(["09:31", "x", "", "9 11", "SPY", "2026-06-24", "1e9", "{", "UP"])
NAMES = st.sampled_from(["at", "emit", "closes", "start", "anchor", "atr", "qty", "n", "expr"])
ODD = st.recursive(
    LEAVES,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=3),
    max_leaves=6,
)
KEYS = ("bars", "expect", "given", "params", "expect_values", "date", "symbol")


@settings(max_examples=60)
@given(ODD, st.sampled_from(KEYS))
def test_no_odd_test_file_ends_the_runner(value: object, key: str) -> None:
    good = {"name": "t", "bars": {"closes": "9 11"}, "expect": []}
    text = json.dumps({"tests": [{**good, key: value}]})
    report = run([RuleFile("r.yaml", TENTH), RuleFile("r.test.yaml", text)])
    assert all(found.code != "E527" for found in report.diagnostics), report.diagnostics


def test_files_that_are_no_yaml_are_mistakes() -> None:
    report = run([RuleFile("r.yaml", TENTH), RuleFile("r.test.yaml", "tests: [")])
    assert [found.code for found in report.diagnostics] == ["E500"]
    assert prepare([RuleFile("x.test.yaml", "")], {}).diagnostics != ()


def test_nothing_to_compare_with_is_no_pass() -> None:
    assert not report_of('bars: {closes: "9"}').passed


@pytest.mark.parametrize(
    ("split", "told"),
    [
        ('{date: soon, ratio: "2:1"}', "'soon' is not a date"),
        ('{date: 2026-06-24, ratio: "two"}', 'a ratio such as "2:1"'),
        ("{date: 2026-06-24, price_factor: 0}", "price_factor and volume_factor above 0"),
        ("{date: 2026-06-24}", 'a ratio such as "2:1"'),
    ],
)
def test_a_split_that_is_none_is_said_with_its_place(split: str, told: str) -> None:
    (mistake,) = mistakes_of(f'given: {{splits: [{split}]}}\nbars: {{closes: "9 11"}}\n{UP}')
    assert told in mistake
