"""Tables that lie one behind the other in memory."""

import numpy as np

from whispr_daemon.rules.columns.stack import Stack
from whispr_daemon.rules.columns.table import Table

WIDTHS = ((2, 1), (0, 3), (1, 0))  # floats and ints of a slot


def tables() -> list[Table]:
    """Return tables with a number of their own in each value of three slots."""
    made = [Table(*widths) for widths in WIDTHS]
    for number, table in enumerate(made, start=1):
        table.reserve(3)
        table.floats[:3] = number
        table.ints[:3] = -number
    return made


def test_they_are_reached_together_and_each_by_itself() -> None:
    made = tables()
    stack = Stack(made)
    assert stack.gather(3)
    for (float_at, int_at), table in zip(stack.places.tolist(), made, strict=True):
        assert np.shares_memory(table.floats, stack.floats) == bool(table.floats.size)
        flat = stack.floats[float_at:], stack.ints[int_at:]
        for whole, part in zip(flat, (table.floats, table.ints), strict=True):
            assert np.array_equal(whole[: part.size], part.reshape(-1), equal_nan=True)
    assert [table.ints[:3].sum() for table in made] == [-3, -18, 0]
    assert not stack.gather(3)


def test_who_grows_or_is_cleared_moves_away_and_is_gathered_again() -> None:
    made = tables()
    stack = Stack(made)
    stack.gather(3)
    made[0].reserve(100)
    made[1].clear()
    assert stack.gather(3)
    assert not stack.gather(100)
    assert np.shares_memory(made[0].floats, stack.floats)
    assert made[0].floats[:3].tolist() == [[1, 1]] * 3
    assert np.isnan(made[0].floats[3:]).all()
    assert not made[1].ints.any()
    assert made[2].floats[:3].tolist() == [[3]] * 3


def test_a_view_that_was_given_out_is_that_of_the_new_place() -> None:
    made = tables()
    made[0].state(3)
    stack = Stack(made)
    stack.gather(3)
    stack.floats[stack.places[0, 0]] = 7.0
    assert made[0].state(3).floats[0] == 7.0
