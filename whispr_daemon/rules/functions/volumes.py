"""Prices weighed by volume: vwma, vwap, obv, mfi."""

from typing import Final

from whispr_daemon.rules.functions.folds import NAN, Floats, Input, Ints, Place
from whispr_daemon.rules.functions.function import (
    LENGTH,
    Accepts,
    Composed,
    Folded,
    Function,
    Parameter,
    X,
)
from whispr_daemon.rules.functions.weights import forgets, one, two
from whispr_daemon.rules.nodes import Type

WEEK: Final = 1
MONTH: Final = 2
_NOTHING: Final = 1e-10  # a change up to this is none, as TradingView compares


def vwap(given: Input, r: int, floats: Floats, f: int, n: int, place: Place) -> float:
    """``Σ hlc3 * volume / Σ volume`` since the first bar of the session (``ta.vwap``), or of the
    week or month: ``length`` says which. A bar without volume is na and adds nothing.

    State: when, both sums.
    """
    when, volume = period(given.date[r], place.length), given.volume[r]
    if n == 0 or when != floats[f]:
        floats[f] = when
        floats[f + 1] = 0.0
        floats[f + 2] = 0.0
    if volume != volume:
        return NAN
    floats[f + 1] += (given.high[r] + given.low[r] + given.x[r]) / 3.0 * volume
    floats[f + 2] += volume
    return float(floats[f + 1] / floats[f + 2]) if floats[f + 2] > 0.0 else NAN


def period(date: Ints, unit: int) -> float:
    """Return a number that is the same on dates (days from 1970-01-01) of one week or month."""
    if unit == WEEK:
        return float((date + 3) // 7)  # 1970-01-01 was a Thursday
    if unit == MONTH:
        return float(month(date))
    return float(date)


def month(date: Ints) -> int:
    """Return the months from March of year 0, of days from 1970-01-01.

    Howard Hinnant, "chrono-compatible low-level date algorithms", ``civil_from_days``.
    """
    days = date + 719_468  # from 0000-03-01
    era = days // 146_097
    day = days - era * 146_097
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    in_year = day - (365 * year + year // 4 - year // 100)
    return int((era * 400 + year) * 12 + (5 * in_year + 2) // 153)


def obv(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """Sum of the volumes, each with the sign of the close's change, first na (``ta.obv``).

    A bar without volume is na and adds nothing. State: the close, the sum.
    """
    x, volume, before = given.x[r], given.volume[r], floats[f]
    floats[f] = x
    if n == 0:
        floats[f + 1] = 0.0
        return NAN
    if volume != volume:
        return NAN
    if x > before:
        floats[f + 1] += volume
    elif x < before:
        floats[f + 1] -= volume
    return float(floats[f + 1])


def flow_up(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """``x * volume``, 0 where x did not rise; of the first bar all (``ta.mfi``). State: x."""
    return flow(given, r, floats, f, n, 1.0)


def flow_down(given: Input, r: int, floats: Floats, f: int, n: int, _place: Place) -> float:
    """``x * volume``, 0 where x did not fall; of the first bar all (``ta.mfi``). State: x."""
    return flow(given, r, floats, f, n, -1.0)


def flow(given: Input, r: int, floats: Floats, f: int, n: int, side: float) -> float:
    """Return the money that moved to one side."""
    x = given.x[r]
    against = n > 0 and (x - floats[f]) * side <= _NOTHING
    floats[f] = x
    return float(given.volume[r] * (0.0 if against else x))


def three(_length: int) -> int:
    """Return the floats of :func:`vwap`."""
    return 3


_UP: Final = "sum(flow_up(hlc3), length)"
_DOWN: Final = "sum(flow_down(hlc3), length)"
_RATIO: Final = f"if(abs({_UP}) <= 1e-10, 0, {_UP}) / {_DOWN}"

VOLUMES: Final = (
    Function(
        "vwma",
        (X, LENGTH),
        Type.NUM,
        Composed({"": "sma(x * volume, length) / sma(volume, length)"}),
        "mean of the last inputs, weighed by volume",
    ),
    Function(
        "vwap",
        (Parameter("anchor", Accepts.WORD, 0.0, ("session", "week", "month")),),
        Type.NUM,
        Folded(vwap, three, one, forgets),
        "mean of hlc3 weighed by volume, since the session (week, month) began",
    ),
    Function(
        "obv",
        (),
        Type.NUM,
        Folded(obv, two, two, forgets),
        "on-balance volume: volumes added where the close rose, taken away where it fell",
    ),
    Function(
        "flow_up",
        (X,),
        Type.NUM,
        Folded(flow_up, one, one, forgets),
        "x * volume where x rose",
        hidden=True,
    ),
    Function(
        "flow_down",
        (X,),
        Type.NUM,
        Folded(flow_down, one, one, forgets),
        "x * volume where x fell",
        hidden=True,
    ),
    Function(
        "mfi",
        (LENGTH,),
        Type.NUM,
        Composed({"": f"if(abs({_DOWN}) <= 1e-10, 100, 100 - 100 / (1 + {_RATIO}))"}),
        "money flow index: money of rising hlc3 against that of falling, 0 to 100",
    ),
)
