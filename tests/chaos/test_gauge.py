"""When a daemon has caught up, and when it has not."""

import pytest

from tests.chaos.gauge import Standing
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import UnitMark


def mark(seq: int, out_seq: int = 0, epoch: int = 1) -> UnitMark:
    wm = Position(1, seq)
    return UnitMark(epoch=epoch, start=ORIGIN, wm=wm, out_seq=out_seq, out_hash="")


def standing(ends: tuple[int, ...], **units: int) -> Standing:
    """Ends of the log by partition, and units named ``a_0`` with how far they are durable."""
    marks = {unit.replace("_", "/"): mark(seq) for unit, seq in units.items()}
    return Standing(tuple(Position(1, end) for end in ends), {**marks, "whispr": mark(0)})


THEN = standing((5, 5), a_0=3, a_1=5)


@pytest.mark.parametrize(
    ("now", "well"),
    [
        (standing((6, 5), a_0=6, a_1=5), True),
        (standing((9, 9), a_0=6, a_1=6), True),  # what came after may be under way
        (standing((6, 5), a_0=5, a_1=5), False),  # nothing that came later is durable
        (standing((6, 6), a_0=6, a_1=5), False),
        (standing((6, 5), a_0=6, a_1=4), False),  # a backlog is left
        (standing((5, 5), a_0=5, a_1=5), False),  # nothing comes: it is not shown to work
    ],
)
def test_a_daemon_has_caught_up_when_it_is_beyond_what_there_was(now: Standing, well: bool) -> None:
    assert now.beyond(THEN) is well


def test_outputs_of_all_units_count() -> None:
    marks = {"a/0": mark(1, out_seq=3), "whispr": mark(0, out_seq=1)}
    assert Standing((ORIGIN,), marks).outputs == 4
