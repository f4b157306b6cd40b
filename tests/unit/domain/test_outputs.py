"""Outputs: ids computed from what is said, ordinals among equals, bytes and back."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.domain import outputs
from whispr_daemon.domain.outputs import (
    Alert,
    Ordinals,
    Output,
    Sealer,
    Signal,
    chain,
    decode,
    encode,
    kind_of,
    output_id,
)

SIGNAL = Signal(
    name="GG_trigger",
    instrument="SPY",
    ts_event=1_294_065_000_000_000_000,
    direction="up",
    price=126.7,
    level=126.65,
    data={"bar": [1, 2.5]},
    origin="golden_gate",
    version="1",
)
GOLDEN = "0d20e3e833a74d868298f12f56d7b0ec"
_times = st.integers(1, 12)
_said: st.SearchStrategy[Output] = st.one_of(
    st.builds(
        Signal, name=st.sampled_from("ab"), instrument=st.sampled_from("XY"), ts_event=_times
    ),
    st.builds(Alert, message=st.sampled_from("mn"), ts_event=_times),
)
_floats = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_the_id_of_a_signal_is_the_same_in_every_release() -> None:
    assert output_id(SIGNAL) == GOLDEN


@pytest.mark.parametrize(
    "payload",
    [
        {"direction": "down"},
        {"price": 1.0},
        {"level": None},
        {"data": {}},
        {"strength": 0.5},
        {"id": "anything"},
    ],
)
def test_what_a_signal_carries_along_does_not_change_its_id(payload: dict[str, Any]) -> None:
    assert output_id(msgspec.structs.replace(SIGNAL, **payload)) == output_id(SIGNAL)


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "x"},
        {"version": "2"},
        {"instrument": "QQQ"},
        {"ts_event": 1},
        {"name": "x"},
        {"ordinal": 1},
    ],
)
def test_what_a_signal_says_changes_its_id(said: dict[str, Any]) -> None:
    assert output_id(msgspec.structs.replace(SIGNAL, **said)) != output_id(SIGNAL)


def test_an_alert_never_has_the_id_of_a_signal() -> None:
    same: dict[str, Any] = {"instrument": "SPY", "ts_event": 5, "origin": "o", "version": "1"}
    assert output_id(Alert(message="m", **same)) != output_id(Signal(name="info", **same))


def test_the_sealer_fills_what_the_strategy_left_open_and_nothing_else() -> None:
    sealer = Sealer("rules", "3")
    assert sealer.seal(Signal(name="x"), 9) == msgspec.structs.replace(
        Signal(name="x", ts_event=9, origin="rules", version="3"),
        id=output_id(Signal(name="x", ts_event=9, origin="rules", version="3")),
    )
    mine = sealer.seal(Signal(name="x", ts_event=7, origin="own", version="1"), 9)
    assert (mine.ts_event, mine.origin, mine.version) == (7, "own", "1")


def test_equals_are_numbered_though_events_of_other_times_come_between() -> None:
    sealer = Sealer("o", "1")
    said = [sealer.seal(Signal(name="x", ts_event=ts), 0) for ts in (5, 6, 5, 7, 6, 5)]
    assert [each.ordinal for each in said] == [0, 0, 1, 0, 1, 2]


@given(st.lists(_said, max_size=60))
def test_no_id_is_given_twice(said: list[Output]) -> None:
    sealer = Sealer("o", "1")
    ids = [sealer.seal(each, 0).id for each in said]
    assert len(set(ids)) == len(ids)


@given(st.permutations([*range(1, 13)] * 2))
def test_no_id_is_given_twice_however_far_back_the_times_go(times: list[int]) -> None:
    sealer = Sealer("o", "1")
    ids = [sealer.seal(Signal(name="x", ts_event=ts), 0).id for ts in times]
    assert len(set(ids)) == len(ids)


@given(st.lists(_said, max_size=30), st.sets(st.integers(0, 30)))
def test_a_sealer_restored_anywhere_gives_the_same_ids(said: list[Output], cuts: set[int]) -> None:
    whole, cut = Sealer("o", "1"), Sealer("o", "1")
    for index, each in enumerate(said):
        if index in cuts:
            packed = msgspec.msgpack.encode(cut.snapshot())
            cut = Sealer("o", "1")
            cut.restore(msgspec.msgpack.decode(packed, type=dict[str, Ordinals]))
        assert cut.seal(each, 0) == whole.seal(each, 0)


def test_a_sealer_that_keeps_nothing_of_its_speakers_but_counts_seals_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = [Signal(name=name, ts_event=ts) for ts in (1, 1, 2) for name in "abcabdae"]
    sealer = Sealer("o", "1")
    whole = [sealer.seal(each, 0) for each in said]

    monkeypatch.setattr(outputs, "_SPEAKERS_KEPT", 2)
    frugal = Sealer("o", "1")
    for each, sealed in zip(said, whole, strict=True):
        assert frugal.seal(each, 0) == sealed
        assert len(frugal._speakers) <= 2

    assert frugal.snapshot() == sealer.snapshot()


def test_a_snapshot_of_a_sealer_is_not_changed_by_what_is_sealed_later() -> None:
    sealer = Sealer("o", "1")
    sealer.seal(Signal(name="x"), 1)
    before = sealer.snapshot()
    sealer.seal(Signal(name="x"), 1)
    again = Sealer("o", "1")
    again.restore(before)
    again.seal(Signal(name="x"), 1)
    assert again.snapshot() == sealer.snapshot()


@given(
    st.builds(
        Signal,
        name=st.text(),
        instrument=st.text(),
        ts_event=st.integers(0, 2**63 - 1),
        price=_floats,
        level=_floats,
        data=st.dictionaries(st.text(), _plain, max_size=3),
    )
    | st.builds(Alert, message=st.text())
)
def test_an_output_is_read_back_as_it_was_written(output: Output) -> None:
    assert decode(encode(output)) == output
    assert kind_of(decode(encode(output))) == kind_of(output)


def test_the_running_hash_tells_another_order_another_payload_and_a_missing_output() -> None:
    a, b = Signal(name="a"), Signal(name="b", price=1.0)
    whole = chain(chain("", a), b)
    others = {
        chain(chain("", b), a),
        chain("", b),
        chain(chain("", a), msgspec.structs.replace(b, price=2.0)),
    }
    assert whole not in others
    assert whole == chain(chain("", a), decode(encode(b)))
