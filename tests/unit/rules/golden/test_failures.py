"""What a failing test says: what was expected, what came, and why."""

from tests.unit.rules.golden.runs import TENTH, result_of
from whispr_daemon.rules.golden.alignment import aligned

CASE = 'bars: {closes: "9 9.5 11 9 11"}\n'


def test_nothing_came_and_the_evaluated_tree_says_why() -> None:
    (failure, *_) = result_of(CASE + 'expect: [{at: "09:32", emit: UP, dir: down}]').failures
    assert (failure.line, failure.column) == (4, 14)
    assert failure.expected == "09:32  emit UP  dir=down"
    assert failure.got == "nothing at 09:32"
    header, *tree = failure.why
    assert header.startswith("tenth  sha256:")
    assert header.endswith("  up  SPY  2026-06-24T09:32:00-04:00  NO (false)")
    assert tree == [
        "cross_up(price, 10) = false",
        "  price = 9.50   previous 9.00   (bar 09:31, SPY 1m)",
        "because: cross_up(price, 10) is false",
    ]


def test_something_else_came_and_the_keys_that_differ_are_named() -> None:
    expect = 'expect:\n  - {at: "09:33", emit: UP, dir: down}\n'
    (failure,) = result_of(
        CASE + expect + '  - {at: "09:33", alert: info, message: "up at 11.00"}'
    ).failures
    assert failure.expected == "09:33  emit UP  dir=down"
    assert failure.got == "09:33  emit UP  dir=up   (differs in dir)"
    assert "FIRED (event)" in failure.why[0]
    assert failure.why[1] == "cross_up(price, 10) = true, dir=up, gap=false"


def test_what_came_at_another_time_is_told_with_that_and_why_not_then() -> None:
    expect = 'expect:\n  - {at: "09:32", emit: UP}\n  - {at: "09:32", alert: info}'
    one, other = result_of(CASE + expect).failures
    assert one.got.startswith("09:33  emit UP  dir=up   (differs in at, the time of the evaluation")
    assert one.why[0].endswith("2026-06-24T09:32:00-04:00  NO (false)")
    assert other.why == ("as above",)


def test_a_time_of_another_day_is_hinted_at() -> None:
    bars = "bars: |\n  2026-06-23\n  15:59 9 9 9 9\n  2026-06-24\n  09:30 9 9 9 9\n"
    (failure,) = result_of(bars + 'expect: [{at: "09:31", emit: UP}]').failures
    assert failure.why[0].endswith("A time without a date is of the first day: '2026-06-24 09:31'?")


def test_what_came_and_was_not_expected_is_a_failure_too() -> None:
    (failure,) = result_of(CASE + 'expect: [{at: "09:33", emit: UP}]').failures
    assert (failure.expected, failure.got) == (
        "nothing more",
        "09:33  alert info  message='up at 11.00'  dir=up",
    )


def test_the_order_counts() -> None:
    expect = 'expect: [{at: "09:33", alert: info}, {at: "09:33", emit: UP}]'
    failures = result_of(CASE + expect).failures
    assert failures
    assert all(failure.kind == "expect" for failure in failures)


def test_a_time_at_which_nothing_was_evaluated_is_told_with_its_neighbours() -> None:
    (failure, *_) = result_of(CASE + 'expect: [{at: "10:00", emit: UP}]').failures
    assert failure.why == (
        "SPY was not evaluated at 10:00 (a bar counts at its end); next to it: 09:35",
    )


def test_a_cooldown_says_how_much_of_it_is_left() -> None:
    expect = 'expect:\n  - {at: "09:33", emit: UP}\n  - {at: "09:33", alert: info}\n'
    (failure,) = result_of(CASE + expect + '  - {at: "09:35", emit: UP}').failures
    assert "SUPPRESSED (cooldown)" in failure.why[0]
    assert "because: fired 09:33; 3m of cooldown 5m left" in failure.why


def test_a_signal_nobody_says() -> None:
    (failure, *_) = result_of(CASE + 'expect: [{at: "09:33", emit: DOWN}]').failures
    assert failure.why == ("no clause of the rule says this",)


def test_a_value_that_differs_is_told_with_what_it_is_made_of() -> None:
    test = CASE + 'expect_values: [{at: "09:33", expr: "price - SMA2", value: 1}]'
    (failure,) = result_of(test).failures
    assert failure.expected == "09:33  price - SMA2 = 1"
    assert failure.got == "09:33  price - SMA2 = 0.75"
    assert failure.why == ("price = 11.00", "SMA2 = 10.25")


def test_why_a_condition_that_is_true_does_not_fire() -> None:
    rule = TENTH.replace("cross_up(price, 10)", "price > 10").replace("cooldown: 5m", "for: 2m")
    closes = 'bars: {closes: "9 11 11 11 11"}\nexpect: [{at: "09:33", emit: UP}]'
    (pending, *_) = result_of(closes, rule).failures
    assert "because: true since 09:32: 1m of for 2m" in pending.why
    (again, *_) = result_of(closes.replace("09:33", "09:35"), rule).failures
    assert "NO (no_edge)" in again.why[0]


def test_the_longest_common_subsequence_is_kept() -> None:
    pairs = aligned("abcd", "xbd", lambda one, other: one == other)
    assert [pair for pair in pairs if None not in pair] == [(1, 1), (3, 2)]
    assert {one for one, _ in pairs if one is not None} == {0, 1, 2, 3}
