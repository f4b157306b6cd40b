"""How many bars a value needs until it is formed and until it has converged."""

import pytest

from tests.unit.rules.functions.bars import values, walk_of
from tests.unit.rules.functions.expressions import typed
from whispr_daemon.rules.column import Column, level_key
from whispr_daemon.rules.functions.warmth import needs_of, warmth
from whispr_daemon.rules.nodes import AsOf, Forming, Ladder, Level, Node, Type
from whispr_daemon.rules.tree import canonical

BARS = walk_of(400)


def as_of(node: Node, timeframe: str, symbol: str = "", alias: str = "") -> AsOf:
    return AsOf(
        type=Type.NUM, start=0, end=0, node=node, timeframe=timeframe, symbol=symbol, alias=alias
    )


@pytest.mark.parametrize(
    ("text", "formed", "settling"),
    [
        ("close", 1, 0),
        ("ema(close, 13)", 13, 90),
        ("ema(close, 48)", 48, 332),
        ("ema(close, 200)", 200, 1_382),
        ("atr(14)", 14, 187),
        ("rsi(close, 14)", 15, 187),
        ("sma(close, 20)", 20, 0),
        ("hma(close, 16)", 19, 0),
        ("macd(12, 26, 9).line", 26, 180),
        ("macd(12, 26, 9).signal", 34, 242),  # its own 62, and those of the slow average
        ("bb(20, 2).upper", 20, 0),
        ("stoch(14, 3, 3).d", 18, 0),
        ("adx(14)", 28, 374),
        ("po()", 23, 187 + 20),
        ("rises(close, 3)", 4, 0),
        ("change(ema(close, 13), 2)", 15, 90),
        ("supertrend(10, 3).line", 10, 132),
        ("obv()", 2, 0),
        ("vwap()", 1, 0),
    ],
)
def test_a_value_is_formed_when_it_is_first_defined(text: str, formed: int, settling: int) -> None:
    node = typed(text)
    assert warmth(node) == (formed, settling)
    found = values(node, BARS)
    assert [value == value for value in found].index(True) == formed - 1


def test_the_signal_of_macd_needs_its_own_inputs_and_all_that_it_is_made_of() -> None:
    signal, *below = needs_of(typed("macd(12, 26, 9).signal"))
    assert (signal.formed, signal.converged, signal.unit) == (9, 9 + 62 + 180, "bars")
    assert [(need.formed, need.converged) for need in below] == [(12, 12 + 83), (26, 26 + 180)]


@pytest.mark.parametrize(
    ("node", "unit"),
    [
        (as_of(typed("ema(close, 13)"), "5m"), "5m bars"),
        (as_of(typed("ema(close, 13)"), "1d"), "daily bars"),
        (as_of(typed("ema(close, 13)"), "5m", "VIX", "vix"), "5m bars of vix"),
        (as_of(typed("ema(close, 13)"), "5m", "VIX"), "5m bars of VIX"),
        (Forming(type=Type.NUM, start=0, end=0, node=typed("ema(close, 13)"), timeframe="5m"),
         "5m bars"),
    ],
)  # fmt: skip
def test_what_is_of_another_clock_counts_that_clocks_bars(node: Node, unit: str) -> None:
    (need,) = needs_of(node)
    assert need == (Column(canonical(node), "count"), 13, 103, unit)


def test_what_is_made_of_values_of_another_clock_needs_both() -> None:
    inner = as_of(typed("ema(close, 13)"), "5m")
    mine, theirs = needs_of(typed("sma(x, 3)", {"x": inner}))
    assert (mine.formed, mine.converged, mine.unit) == (3, 3, "bars")
    assert (theirs.formed, theirs.converged, theirs.unit) == (13, 103, "5m bars")


@pytest.mark.parametrize(
    ("mode", "unit"),
    [("day", "daily bars"), ("multiday", "weekly bars"), ("swing", "monthly bars"),
     ("position", "quarterly bars"), ("longterm", "yearly bars"), ("scalp", "4h bars")],
)  # fmt: skip
def test_a_level_counts_its_periods(mode: str, unit: str) -> None:
    ladder = Ladder(mode=mode)  # type: ignore[arg-type]
    level = Level(type=Type.LEVEL, start=0, end=0, name="l", ratio=0.382, ladder=ladder)
    anchor = Level(type=Type.LEVEL, start=0, end=0, name="l", ratio=0.0, ladder=ladder)
    column = Column(level_key(ladder), "count")
    assert list(needs_of(level)) == [(column, 14, 201, unit)]
    assert list(needs_of(anchor)) == [(column, 1, 1, unit)]


@pytest.mark.parametrize("text", ["ema(close, 13)", "rma(close, 14)", "macd(5, 9, 4).signal"])
def test_once_converged_the_start_has_less_than_a_millionth_of_a_say(text: str) -> None:
    node = typed(text)
    skipped = 7
    late = values(node, type(BARS)(*(column[skipped:] for column in BARS)))
    full = values(node, BARS)[skipped:]
    at = sum(warmth(node))
    first = next(place for place, value in enumerate(late) if value == value)
    assert abs(late[at] - full[at]) < 1e-6 * max(abs(late[first] - full[first]), 1.0)
