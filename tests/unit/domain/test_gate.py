"""The gate: the same refusals as a row-by-row reading of its rules, however rows are cut."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.gate import Gate
from whispr_daemon.domain.ticks import GRACE
from whispr_daemon.domain.timeframe import CODE_OF

NAMES = {0: "SPY", 1: "QQQ"}
MINUTE = CODE_OF["1m"]

_number = st.sampled_from([1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 0.0, -1.0, math.nan, math.inf])
_row = st.tuples(
    st.sampled_from([0, 5, 6, 6, 7, 8, 8, 9, GRACE + 6, GRACE + 7, GRACE + 8]),  # ts
    st.sampled_from([0, 1]),
    st.sampled_from([Kind.BAR, Kind.BAR, Kind.TRADE, Kind.QUOTE, Kind.SPLIT]),
    st.sampled_from([0, 1, 2]),  # flags
    st.sampled_from([0, MINUTE]),
    _number,
    _number,
    _number,
    _number,
    _number,
)


def _rows(found: list[tuple[float, ...]]) -> Rows:
    rows = empty_rows(len(found))
    for index, values in enumerate(found):
        rows[index] = values
    return rows


def _naive(rows: Rows) -> list[str]:
    """Return the reason of each row's refusal, empty where it enters, by reading the rules."""
    newest: dict[tuple[int, int, int], int] = {}
    last: dict[tuple[int, int, int], bytes] = {}
    reasons = []
    for row in rows:
        reason = _wrong(row)
        if not reason:
            key = (int(row["instrument"]), int(row["kind"]), int(row["timeframe"]))
            ts, before = int(row["ts"]), newest.get(key, 0)
            grace = GRACE if row["kind"] == Kind.TRADE else 0
            if ts < before - grace or (ts == before and row["kind"] in (Kind.BAR, Kind.SPLIT)):
                again = row["kind"] != Kind.BAR or row.tobytes() == last[key]
                reason = "out_of_order" if again else "corrects"
            if ts >= before:
                newest[key], last[key] = ts, row.tobytes()
        reasons.append(reason)
    return reasons


def _wrong(row: np.void) -> str:
    if row["ts"] <= 0:
        return "no_time"
    if row["kind"] == Kind.SPLIT:
        factors = (float(row["open"]), float(row["volume"]))
        return "" if all(math.isfinite(each) and each > 0 for each in factors) else "bad_factor"
    first, high, low, close = (float(row[name]) for name in ("open", "high", "low", "close"))
    quote = row["kind"] == Kind.QUOTE
    for price in (first, high) if quote else (first, high, low, close):
        if not math.isfinite(price):
            return "nan_price"
        if price <= 0:
            return "negative_price"
    if row["kind"] == Kind.BAR and (high < max(first, close) or low > min(first, close)):
        return "crossed_bar"
    if quote and high < first:
        return "crossed_quote"
    sizes = (low, close) if quote else (float(row["volume"]),)
    return "" if all(size >= 0 for size in sizes) else "bad_size"


def _judge(gate: Gate, rows: Rows) -> list[str]:
    accepted, corrections, refusals = gate.inspect(rows, NAMES)
    reasons = ["corrects" if one else "" for one in corrections]
    assert not (corrections & ~accepted).any()
    for refusal in refusals:
        reasons[refusal.index] = refusal.reason
    assert [reason in ("", "corrects") for reason in reasons] == accepted.tolist()
    assert [each.index for each in refusals] == sorted({each.index for each in refusals})
    return reasons


@given(st.lists(_row, max_size=25))
def test_the_gate_refuses_what_its_rules_say_and_nothing_else(
    found: list[tuple[float, ...]],
) -> None:
    rows = _rows(found)
    assert _judge(Gate(), rows) == _naive(rows)


@given(st.lists(_row, max_size=25), st.sets(st.integers(0, 25)))
def test_a_cut_and_a_restart_anywhere_change_no_refusal(
    found: list[tuple[float, ...]], cuts: set[int]
) -> None:
    rows = _rows(found)
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    gate, reasons = Gate(), []
    for begin, end in pairwise(edges):
        gate = Gate(json.loads(json.dumps(gate.memory())))
        reasons += _judge(gate, rows[begin:end])
    assert reasons == _judge(Gate(), rows)


@given(st.lists(_row, max_size=25))
def test_rows_that_come_alone_are_judged_and_remembered_as_together(
    found: list[tuple[float, ...]],
) -> None:
    rows, alone, together = _rows(found), Gate(), Gate()
    reasons = [reason for at in range(len(rows)) for reason in _judge(alone, rows[at : at + 1])]
    assert reasons == _judge(together, rows)
    assert alone.memory() == together.memory()


@given(_row, st.sampled_from(["open", "high", "low", "close", "volume", "ts"]), _number)
def test_a_trade_alone_is_judged_by_the_same_rules(
    found: tuple[float, ...], field: str, value: float
) -> None:
    rows = _rows([found])
    rows["kind"], rows["ts"] = Kind.TRADE, 5
    for name in ("open", "high", "low", "close", "volume"):
        rows[name] = 1.0
    rows[field] = value if field != "ts" else 0
    assert _judge(Gate(), rows) == _naive(rows)


def test_a_refusal_says_what_was_found_and_where() -> None:
    rows = _rows([(1_294_065_060_000_000_000, 0, Kind.BAR, 0, MINUTE, 1, 2, -1, 1, 5)])
    _, _, (refusal,) = Gate().inspect(rows, NAMES)
    assert refusal.detail == "1m bar SPY at 2011-01-03T14:31:00.000Z: low is zero or negative"


def test_a_split_without_a_factor_is_refused_in_words() -> None:
    rows = _rows([(1_294_065_060_000_000_000, 0, Kind.SPLIT, 0, 0, 0.5, 0, 0, 0, math.nan)])
    _, _, (refusal,) = Gate().inspect(rows, NAMES)
    assert refusal.detail == (
        "split SPY at 2011-01-03T14:31:00.000Z: the factor of volumes is not a finite number above "
        "0, as 0.5 is"
    )


@pytest.mark.parametrize(
    ("field", "value"), [("kind", 0), ("kind", 99), ("timeframe", 99), ("flags", 3), ("kind", 4)]
)
def test_a_row_of_no_known_shape_is_refused(field: str, value: int) -> None:
    rows = _rows([(5, 0, Kind.TRADE, 0, 0, 1, 1, 1, 1, 5)])
    rows[field] = value
    accepted, _, refusals = Gate().inspect(rows, NAMES)
    assert not accepted.any()
    assert [refusal.reason for refusal in refusals] == ["unknown_shape"]


@pytest.mark.parametrize(("field", "value"), [("kind", 99), ("timeframe", 99), ("instrument", 7)])
def test_a_bad_row_of_no_known_shape_can_still_be_described(field: str, value: int) -> None:
    rows = _rows([(5, 0, Kind.TRADE, 0, 0, 1, 1, 1, 1, -5)])
    rows[field] = value
    _, _, refusals = Gate().inspect(rows, NAMES)
    assert len(refusals) == 1
