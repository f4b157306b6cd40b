"""What kernels are written in means the same compiled and not, to the bit; one na is any other."""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.adapters.compiling import compile_all
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.functions.folds import NAN, Folding, Input, Output, Place, fold, read_by
from whispr_daemon.rules.functions.function import Folded
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.jit import Recipe, fold_recipe, pair_recipe

FORMS = (
    "a // 1.0",
    "-(-a // 1.0)",
    "NAN if b == 0.0 else a / b",
    "NAN if b == 0.0 else a // b",
    "NAN if b == 0.0 else abs(a) % abs(b)",
    "sqrt(a) if a >= 0.0 else NAN",
    "log(a) if a > 0.0 else NAN",
    "exp(a) if a <= 709.78 else NAN",
    "min(a, b)",
    "max(a, b, 1.0)",
    "a + b * (a - b)",
    "float(1 if a < b else (0 if a == b else -1))",
    "float(min(1 if a > b else -1, 0))",
)
NAMES = (("NAN", NAN), ("sqrt", math.sqrt), ("log", math.log), ("exp", math.exp))
ODD = (
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1e308, -1e308,
    2.0**53 + 2, 1e16, 0.1, 709.77, -745.0,
)  # fmt: skip

FOLDED = {
    name: function.lowering
    for name, function in FUNCTIONS.items()
    if isinstance(function.lowering, Folded)
}
ROWS = 400
SLOTS = 3


def same(one: Sequence[float] | NDArray[Any], other: NDArray[Any]) -> bool:
    """Are they the same to the bit, but for which NaN it is?"""
    a, b = np.array(one), other
    nan = np.isnan(a) & np.isnan(b)
    return bool((nan | (a.view(np.int64) == b.view(np.int64))).all())


def pairs() -> list[tuple[float, float]]:
    draw = random.Random(1)
    return [
        *((a, b) for a in ODD for b in ODD),
        *((draw.uniform(-5, 5), draw.uniform(-3, 3)) for _ in range(5_000)),
        *((draw.gauss(0, 10.0 ** draw.uniform(-20, 20)), draw.gauss(0, 3)) for _ in range(5_000)),
    ]


def test_arithmetic(kernel_folder: Path) -> None:
    lines = "".join(f"        out[o + {at}] = {form}\n" for at, form in enumerate(FORMS))
    text = (
        "def f(n, x, y, out):\n    for i in range(n):\n"
        f"        a = x[i]\n        b = y[i]\n        o = i * {len(FORMS)}\n{lines}"
    )
    recipe = Recipe("f", text, NAMES, ("int", "floats", "floats", "floats"))
    given = pairs()
    x, y = ([pair[side] for pair in given] for side in (0, 1))
    known: dict[str, Any] = dict(NAMES)
    exec(text, known)
    plain = [0.0] * (len(given) * len(FORMS))
    known["f"](len(given), x, y, plain)
    fast = np.zeros(len(plain))
    kernel = compile_all([recipe], kernel_folder).compiled(recipe, len(given))
    kernel(len(given), np.array(x), np.array(y), fast)
    for at, form in enumerate(FORMS):
        assert same(plain[at :: len(FORMS)], fast[at :: len(FORMS)]), form


@pytest.fixture(scope="module")
def kernels(kernel_folder: Path) -> Any:
    """All folds, compiled."""
    recipes = [fold_recipe(folded.step) for folded in FOLDED.values()]
    recipes.append(pair_recipe(FOLDED["ema"].step))
    return compile_all(list(dict.fromkeys(recipes)), kernel_folder)


def bars(seed: int) -> Input:
    """Bars of several slots, some undefined, some that stand still, some without volume."""
    draw = np.random.default_rng(seed)
    close = np.round(100 + draw.normal(0, 0.4, ROWS).cumsum(), 2)
    close[50:80] = close[50]
    first = np.round(close + draw.normal(0, 0.2, ROWS), 2)
    x = close.copy()
    x[draw.random(ROWS) < 0.03] = np.nan
    volume = draw.integers(0, 3, ROWS) * 100.0
    volume[draw.random(ROWS) < 0.02] = np.nan
    return Input(
        slot=draw.integers(0, SLOTS, ROWS),
        x=x,
        open=first,
        high=np.maximum(first, close) + draw.choice([0.0, 0.1], ROWS),
        low=np.minimum(first, close) - draw.choice([0.0, 0.1], ROWS),
        volume=volume,
        date=16_000 + np.arange(ROWS) // 60,
    )


def empty(place: Place) -> Folding:
    """An indicator that has seen nothing, as a kernel takes it."""
    out = Output(np.full(ROWS, np.nan), np.zeros(ROWS, dtype=np.int64))
    return Folding(Table(place.width, 1).arrays(SLOTS), place, out)


def test_two_folds_side_by_side(kernels: Any) -> None:
    folded = FOLDED["ema"]
    alone, pair = (
        kernels.compiled(recipe(folded.step), ROWS) for recipe in (fold_recipe, pair_recipe)
    )
    given = bars(7)
    for lengths in ((3, 14), (31, 1), (5, 5)):
        places = [folded.place((float(length),)) for length in lengths]
        apart, both = [empty(place) for place in places], [empty(place) for place in places]
        for one in apart:
            alone(ROWS, given, *one)
        pair(ROWS, given, *both)
        for one, other in zip(apart, both, strict=True):
            assert same(one.out.value, other.out.value)
            assert same(one.state.floats, other.state.floats)
            assert (one.out.count == other.out.count).all()
            assert (one.state.ints == other.state.ints).all()


@pytest.mark.parametrize("name", FOLDED)
def test_a_fold(name: str, kernels: Any) -> None:
    folded = FOLDED[name]
    kernel = kernels.compiled(fold_recipe(folded.step), ROWS)
    for seed, length in enumerate((1, 2, 3, 14, 31)):
        place = folded.place((float(length), 2.5))
        given = bars(seed)
        slow, fast = Table(place.width, 1), Table(place.width, 1)
        plain = Output([NAN] * ROWS, [0] * ROWS)
        lists = Input(*(column.tolist() for column in given[:-1]))
        fold(ROWS, lists, slow.state(SLOTS), place, plain, folded.step)
        out = Output(np.full(ROWS, np.nan), np.zeros(ROWS, dtype=np.int64))
        kernel(ROWS, given, fast.arrays(SLOTS), place, out)
        assert same(plain.value, out.value), length
        assert plain.count == out.count.tolist()
        assert same(slow.floats.reshape(-1), fast.floats.reshape(-1))
        assert (slow.ints == fast.ints).all()


def test_a_step_is_known_by_the_columns_it_reads() -> None:
    assert read_by(FOLDED["ema"].step) == {"x"}
    assert {"high", "low"} <= read_by(FOLDED["atr"].step)
    assert "volume" not in read_by(FOLDED["atr"].step)


@pytest.mark.parametrize("name", FOLDED)
def test_a_step_reads_no_other_column(name: str) -> None:
    folded = FOLDED[name]
    read = read_by(folded.step)
    given = bars(3)
    lists = Input(*(column.tolist() for column in given[:-1]))
    hidden = Input(
        *(
            list_ if field in {"slot", "x"} | read else None
            for field, list_ in zip(Input._fields, lists, strict=True)
        )
    )
    place = folded.place((3.0, 2.5))
    found = []
    for one in (lists, hidden):
        out = Output([NAN] * ROWS, [0] * ROWS)
        fold(ROWS, one, Table(place.width, 1).state(SLOTS), place, out, folded.step)
        found.append(np.array(out.value))
    assert same(found[0], found[1])
