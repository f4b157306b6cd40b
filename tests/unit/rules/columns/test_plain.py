"""Frames of plain rows are those that are made of all others, one loop or many steps."""

import numpy as np
import pytest
from msgspec.structs import replace

from tests.unit.rules.columns.telling import telling
from tests.unit.rules.properties.harness import Run, run
from tests.unit.rules.properties.random_markets import SYMBOLS, random_market
from whispr_daemon.domain.batch import EVENT_DTYPE, Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.frames import Frame, Framer
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.plain import RECIPE, PlainFramer
from whispr_daemon.rules.columns.plain_rows import WORDS, frame_plainly
from whispr_daemon.rules.columns.slots import Slots, select
from whispr_daemon.rules.jit import UNCOMPILED, Compiler, Function, Recipe
from whispr_daemon.rules.rule import Rule


class Plainly:
    """A Compiler of the one loop; it counts how many batches are plain."""

    def __init__(self) -> None:
        self.plain = 0

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        return self._frame if recipe == RECIPE else None

    def _frame(self, *given: object) -> tuple[int, int]:
        found: tuple[int, int] = frame_plainly(*given)  # type: ignore[arg-type]
        self.plain += found[0] >= 0
        return found


def rules() -> tuple[Rule, ...]:
    """All that clocks, sessions and levels say of a row."""
    return (
        telling(
            *("close", "volume", "EMA3", "atr.38", "bar_index", "minutes_to_close"),
            inputs="{atr: {length: 1}}",
        ),
        telling("nz(premarket.high, 0)", "nz(prev.close, 0)", "hl2"),
    )


def named(made: tuple[Rule, ...], compiler: Compiler, rows: Rows, cuts: list[int]) -> Run:
    return run(made, rows, cuts, compiler=compiler, restart=len(cuts) > 50)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("unruly", [False, True])
def test_one_loop_says_what_many_steps_say(seed: int, unruly: bool) -> None:
    rows = random_market(seed, unruly=unruly, brief=True).rows
    first, second = rules()
    made = (first,) if seed % 2 else (first, _renamed(second))
    random = np.random.default_rng(seed)
    plainly = Plainly()
    for count in (0, 60):
        cuts = sorted(random.integers(0, len(rows), count).tolist())
        assert named(made, plainly, rows, cuts) == named(made, UNCOMPILED, rows, cuts)
    assert plainly.plain > 10


def test_rows_may_lie_anywhere_in_memory_and_may_not_be_written_to() -> None:
    rows = random_market(1, unruly=False, brief=True).rows
    beside = np.frombuffer(b"." + rows.tobytes(), dtype=EVENT_DTYPE, offset=1)
    apart = np.repeat(rows, 2)[::2]
    (first, _) = rules()
    for compiler in (Plainly(), UNCOMPILED):  # of which the latter has a loop for few rows
        few = len(rows) - 5
        said = [run([first], each, [few], compiler=compiler) for each in (rows, beside, apart)]
        assert said[0] == said[1] == said[2]
        assert len(said[0].said) > 50


def test_a_row_is_so_many_words_and_its_kind_and_timeframe_stand_where_the_loop_looks() -> None:
    assert EVENT_DTYPE.itemsize == 8 * WORDS
    at = {name: place for name, (_, place, *_) in (EVENT_DTYPE.fields or {}).items()}
    assert [at[name] for name in ("ts", "instrument", "kind", "timeframe")] == [0, 8, 12, 14]
    assert [at[name] for name in ("open", "close", "volume")] == [16, 40, 48]
    row = np.zeros(1, dtype=EVENT_DTYPE)
    row["kind"], row["timeframe"], row["instrument"] = Kind.TRADE, 6, 0xFFFF_FFFF
    (_, what, *_) = row.view(np.int64).tolist()
    assert ((what >> 32) & 255, what >> 48) == (Kind.TRADE, 6)


@pytest.mark.parametrize("around", [False, True])
def test_what_is_made_of_a_frame_when_asked_for_is_what_many_steps_make(around: bool) -> None:
    rows = random_market(3, unruly=True, brief=True).rows
    slots = Slots(lambda symbol: True)
    clock, places = Clock("1m", "rth", "XNYS"), Places(slots, {"": "XNYS"})
    steps, loop = Framer(clock, places), Framer(clock, places)
    steps.around = loop.around = around
    plainly = PlainFramer(loop, Plainly())
    compared = 0
    for part in np.array_split(rows, 40):
        selection = select(Batch(part, SYMBOLS), slots)
        assert selection is not None
        plain, made = plainly.frame(selection), steps.frame(selection)
        if plain is None:
            loop.frame(selection)
        elif plain.frame is not None and made is not None:
            found = plain.frame.whole()
            for name in set(Frame._fields) - {"where"}:
                assert (getattr(found, name) == getattr(made, name)).all(), name
            for name, column in made.where._asdict().items():
                assert (getattr(found.where, name) == column).all(), name
            compared += 1
        else:
            assert plain.frame is made
    assert compared > 10


def _renamed(rule: Rule) -> Rule:
    return replace(rule, name="other")
