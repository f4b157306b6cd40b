"""Positions: their order, and the two ways they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import ORIGIN, Position

positions = st.builds(Position, st.integers(0, 2**23 - 1), st.integers(0, 2**40 - 1))


@given(positions, positions)
def test_packed_positions_have_the_same_order_and_fit_in_64_bits(a: Position, b: Position) -> None:
    assert (a < b) == (a.pack() < b.pack())
    assert 0 <= a.pack() < 2**63


@given(positions)
def test_a_position_is_read_back_as_it_was_written(position: Position) -> None:
    assert Position.parse(str(position)) == position
    assert Position.unpack(position.pack()) == position


@given(positions)
def test_nothing_is_before_the_origin(position: Position) -> None:
    assert position >= ORIGIN


def test_a_newer_producer_comes_after_every_entry_of_an_older_one() -> None:
    assert Position(2, 0) > Position(1, 2**40 - 1)


@pytest.mark.parametrize(
    ("key", "partitions", "partition"),
    [("SPY", 1, 0), ("SPY", 4, 3), ("SPY", 16, 15), ("BTC-USD", 16, 0), ("Ä", 16, 11)],
)
def test_an_instrument_stays_in_its_partition_for_ever(
    key: str, partitions: int, partition: int
) -> None:
    assert partition_of(key, partitions) == partition
