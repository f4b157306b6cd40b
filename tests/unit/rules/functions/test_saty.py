"""Saty's indicators, by the numbers of their definitions."""

from tests.unit.rules.functions.bars import Bars, of_closes, values, walk_of
from tests.unit.rules.functions.expressions import typed
from whispr_daemon.rules.functions.function import Composed
from whispr_daemon.rules.functions.table import FUNCTIONS

BARS = walk_of(400, seed=5)


def words(text: str, name: str, part: str, bars: Bars) -> list[str]:
    """Return a str on every bar where it has a value."""
    lowering = FUNCTIONS[name].lowering
    assert isinstance(lowering, Composed)
    known = lowering.words[part]
    return [known[int(value)] for value in values(typed(text), bars) if value == value]


def test_the_phase_oscillator_is_smoothed_distance_in_three_atrs() -> None:
    raw = typed("(close - ema(close, 21)) / (3 * atr(14)) * 100")
    smoothed = values(typed("ema(x, 3)", {"x": raw}), BARS)
    assert list(map(repr, values(typed("po()"), BARS))) == list(map(repr, smoothed))


def test_its_zones_are_where_it_stands() -> None:
    steep = of_closes([*range(100, 160), *range(160, 40, -1), *range(40, 100)])
    zones = words("po().zone", "po", "zone", steep)
    numbers = [value for value in values(typed("po()"), steep) if value == value]
    assert len(set(zones)) == 7
    for zone, po in zip(zones, numbers, strict=True):
        assert zone == _zone(po)


def _zone(po: float) -> str:
    if abs(po) >= 100:
        return "extended_up" if po > 0 else "extended_down"
    if abs(po) >= 61.8:
        return "distribution" if po > 0 else "accumulation"
    if abs(po) > 23.6:
        return "mark_up" if po > 0 else "mark_down"
    return "launch"


def test_the_ribbon_is_bull_in_order_bear_in_reverse_and_else_mixed() -> None:
    up_and_down = of_closes([*range(100, 200), *range(200, 100, -1)])
    states = words("ribbon.state", "ribbon", "state", up_and_down)
    assert states[0] == "bull"
    assert states[-1] == "bear"
    assert set(states) == {"bull", "bear", "mixed"}
    biases = words("ribbon.bias", "ribbon", "bias", up_and_down)
    assert (biases[0], biases[-1]) == ("bull", "bear")


def test_a_tie_of_the_ribbon_is_mixed_and_bull() -> None:
    flat = of_closes([100.0] * 60)
    assert set(words("ribbon.state", "ribbon", "state", flat)) == {"mixed"}
    assert set(words("ribbon.bias", "ribbon", "bias", flat)) == {"bull"}


def test_compression_ends_where_it_widens_beyond_the_expansion_zone() -> None:
    deviation = values(typed("stdev(close, 21)"), BARS)
    atr = values(typed("atr(14)"), BARS)
    found = values(typed("compressed()"), BARS)
    gaps = [2 * one - 2 * other for one, other in zip(deviation, atr, strict=True)]
    for at in range(22, len(found)):
        widens = gaps[at - 1] <= gaps[at] and 2 * deviation[at] - 1.854 * atr[at] > 0
        assert found[at] == (1 if not widens and gaps[at] <= 0 else -1)
    assert set(found[22:]) == {1, -1}
