"""The arithmetic of indicators, TradingView's conventions (rules-language.md 4).

Each function folds one column over instruments: ``slot[r]`` says whose row ``r`` is, and state of
slot ``s`` lives in ``floats[s * width_f …]`` and ``ints[s * width_i …]``. Plain loops over scalars
and flat arrays: numba can compile the very same source, and un-jitted it is the reference.

``ints[s * width_i]`` always counts the defined inputs; it is written to ``count`` row by row and
says how warm the value is. An undefined input (NaN) is skipped: NaN out, state unchanged.
"""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

Floats: TypeAlias = Any  # a flat float64 buffer or a list: whatever indexes to a float
Ints: TypeAlias = Any  # the same of int64

NAN: Final = float("nan")
SEED_ERROR: Final = 1e-6  # relative; below it a value counts as converged
_NO_LOSS: Final = 1e-10


class Input(NamedTuple):
    """The rows to fold: whose they are, and their values."""

    slot: Ints
    x: Floats  # the source; of atr and tr: the close
    high: Floats
    low: Floats


class State(NamedTuple):
    """The state of all slots, flat."""

    floats: Floats
    ints: Ints


class Output(NamedTuple):
    """Where values and counts go, one a row."""

    value: Floats
    count: Ints


Fold: TypeAlias = Callable[[int, Input, State, int, Output], None]


def ema(rows: int, given: Input, state: State, length: int, out: Output) -> None:
    """EMA: the first value is the SMA of the first ``length`` inputs. State: 1 float, 1 int."""
    slot, x = given.slot, given.x
    floats, ints = state
    alpha = 2.0 / (length + 1)
    for r in range(rows):
        s = slot[r]
        v = x[r]
        n = ints[s]
        y = NAN
        if v == v:
            n += 1
            ints[s] = n
            if n > length:
                y = floats[s]
                y = y + alpha * (v - y)  # this order of operations is the bit-exact one
                if length == 1:
                    y = v  # which y + (v - y) need not be, to the last bit
                floats[s] = y
            else:
                total = v if n == 1 else floats[s] + v
                if n == length:
                    total = y = total / length
                floats[s] = total
        out.value[r] = y
        out.count[r] = n


def rma(rows: int, given: Input, state: State, length: int, out: Output) -> None:
    """Wilder's average, seeded by an SMA. State: 1 float, 1 int."""
    slot, x = given.slot, given.x
    floats, ints = state
    for r in range(rows):
        s = slot[r]
        v = x[r]
        n = ints[s]
        y = NAN
        if v == v:
            n += 1
            ints[s] = n
            if n > length:
                y = (floats[s] * (length - 1) + v) / length
                floats[s] = y
            else:
                total = v if n == 1 else floats[s] + v
                if n == length:
                    total = y = total / length
                floats[s] = total
        out.value[r] = y
        out.count[r] = n


def sma(rows: int, given: Input, state: State, length: int, out: Output) -> None:
    """Mean of the last ``length`` inputs, summed anew. State: ``length`` floats, 1 int."""
    slot, x = given.slot, given.x
    floats, ints = state
    for r in range(rows):
        s = slot[r]
        v = x[r]
        n = ints[s]
        y = NAN
        if v == v:
            base = s * length
            floats[base + n % length] = v
            n += 1
            ints[s] = n
            if n >= length:
                total = 0.0
                for k in range(length):
                    total += floats[base + (n + k) % length]  # oldest first
                y = total / length
        out.value[r] = y
        out.count[r] = n


def rsi(rows: int, given: Input, state: State, length: int, out: Output) -> None:
    """RSI over Wilder averages of gains and losses. State: 3 floats, 1 int."""
    slot, x = given.slot, given.x
    floats, ints = state
    for r in range(rows):
        s = slot[r]
        f = s * 3
        v = x[r]
        n = ints[s]
        y = NAN
        if v == v:
            if n == 0:
                floats[f + 1] = 0.0
                floats[f + 2] = 0.0
            else:
                change = v - floats[f]
                gain = change if change > 0.0 else 0.0
                loss = -change if change < 0.0 else 0.0
                if n > length:
                    gain = (floats[f + 1] * (length - 1) + gain) / length
                    loss = (floats[f + 2] * (length - 1) + loss) / length
                else:
                    gain = floats[f + 1] + gain
                    loss = floats[f + 2] + loss
                    if n == length:
                        gain = gain / length
                        loss = loss / length
                floats[f + 1] = gain
                floats[f + 2] = loss
                if n >= length:
                    if loss <= _NO_LOSS:
                        y = 100.0
                    elif gain <= _NO_LOSS:
                        y = 0.0
                    else:
                        y = 100.0 - 100.0 / (1.0 + gain / loss)
            floats[f] = v
            n += 1
            ints[s] = n
        out.value[r] = y
        out.count[r] = n


def tr(rows: int, given: Input, state: State, _length: int, out: Output) -> None:
    """True range; of the first bar high - low. State: 1 float, 1 int."""
    slot = given.slot
    floats, ints = state
    for r in range(rows):
        s = slot[r]
        out.value[r] = true_range(given.high[r], given.low[r], floats[s] if ints[s] else NAN)
        floats[s] = given.x[r]
        ints[s] += 1
        out.count[r] = ints[s]


def atr(rows: int, given: Input, state: State, length: int, out: Output) -> None:
    """RMA of the true range; the first value on bar ``length``. State: 2 floats, 1 int."""
    slot = given.slot
    floats, ints = state
    for r in range(rows):
        s = slot[r]
        f = s * 2
        n = ints[s]
        move = true_range(given.high[r], given.low[r], floats[f + 1] if n else NAN)
        floats[f] = wilder(floats[f], move, n, length)
        floats[f + 1] = given.x[r]
        n += 1
        ints[s] = n
        out.value[r] = floats[f] if n >= length else NAN
        out.count[r] = n


def hist(rows: int, given: Input, state: State, length: int, out: Output) -> None:
    """The value ``length`` rows earlier; NaN rows count. State: ``length`` floats, 1 int."""
    slot, x = given.slot, given.x
    floats, ints = state
    for r in range(rows):
        s = slot[r]
        n = ints[s]
        place = s * length + n % length
        out.value[r] = floats[place] if n >= length else NAN
        floats[place] = x[r]
        n += 1
        ints[s] = n
        out.count[r] = n


def true_range(high: float, low: float, before: float) -> float:
    """Return max(h-l, |h-c1|, |l-c1|); ``before`` is the previous close, NaN on the first bar."""
    move = high - low
    if before == before:
        up = abs(high - before)
        down = abs(low - before)
        move = max(move, up, down)
    return move


def wilder(average: float, value: float, before: int, length: int) -> float:
    """Return what to keep after one more value: the sum at first, then the RMA.

    ``before`` is how many values came before; ``average`` means nothing when it is 0.
    """
    if before >= length:
        return (average * (length - 1) + value) / length
    total = value if before == 0 else average + value
    return total / length if before + 1 == length else total


class Kind(NamedTuple):
    """What an indicator needs: its fold, the size of its state, and when it is warm."""

    fold: Fold
    floats: Callable[[int], int]  # per slot, from the length
    formed: Callable[[int], int]  # inputs until the first value
    alpha: Callable[[int], float]  # weight of the newest input; 1: forgets its start at once


def _one(_length: int) -> int:
    return 1


def _two(_length: int) -> int:
    return 2


def _three(_length: int) -> int:
    return 3


def _itself(length: int) -> int:
    return length


def _one_more(length: int) -> int:
    return length + 1


def _ema_weight(length: int) -> float:
    return 2.0 / (length + 1)


def _wilder_weight(length: int) -> float:
    return 1.0 / length


def _forgets(_length: int) -> float:
    return 1.0


KINDS: Final[dict[str, Kind]] = {
    "ema": Kind(ema, _one, _itself, _ema_weight),
    "rma": Kind(rma, _one, _itself, _wilder_weight),
    "sma": Kind(sma, _itself, _itself, _forgets),
    "rsi": Kind(rsi, _three, _one_more, _wilder_weight),
    "atr": Kind(atr, _two, _itself, _wilder_weight),
    "tr": Kind(tr, _one, _one, _forgets),
    "hist": Kind(hist, _itself, _one_more, _forgets),
}


def settling(alpha: float) -> int:
    """Return how many more inputs make the seed's error less than 1e-6 of itself (4.2)."""
    return 0 if alpha >= 1.0 else math.ceil(math.log(SEED_ERROR) / math.log(1.0 - alpha))
