"""What strategy authors get: bars, a run without a daemon, a check that catches mistakes."""

from collections.abc import Iterable
from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.events import Bar, ClockTick, MarketEvent, Quote, Trade
from whispr_daemon.domain.outputs import Alert, Output, Signal, output_id
from whispr_daemon.testing import bars, batch, check, run

START = "2024-01-02T14:30Z"
FIRST_END = 1_704_205_860_000_000_000  # 14:31
SERIES = bars("SPY", START, [1, 2, 3, 2, 5])


class Rising:
    """Says each close above the one before; keeps its state in a Struct."""

    name, version = "rising", "1"

    class State(msgspec.Struct):
        """The close before."""

        last: float = 0.0

    def __init__(self) -> None:
        self.state = self.State()

    def on_event(self, event: MarketEvent) -> Iterable[Output]:
        if isinstance(event, Bar):
            if event.close > self.state.last:
                yield Signal(name="rising")
            self.state.last = event.close


class Columns:
    """The same over whole batches, with a snapshot of its own."""

    name, version = "rising", "1"

    def __init__(self) -> None:
        self.last = 0.0

    def on_batch(self, part: Batch) -> Iterable[Output]:
        before = np.concatenate([[self.last], part.rows["close"][:-1]])
        self.last = float(part.rows["close"][-1])
        for row in part.rows[part.rows["close"] > before]:
            name = part.symbols[row["instrument"]]
            yield Signal(name="rising", instrument=name, ts_event=int(row["ts"]))

    def snapshot(self) -> bytes:
        return repr(self.last).encode()

    def restore(self, body: bytes) -> None:
        self.last = float(body)


def test_bars_are_labelled_by_their_start_and_happen_at_their_end() -> None:
    assert SERIES[0].ts_event == FIRST_END
    assert SERIES[1].ts_start == FIRST_END
    assert [bar.close for bar in SERIES] == [1, 2, 3, 2, 5]


def test_bars_open_where_the_one_before_closed() -> None:
    assert [bar.open for bar in SERIES] == [1, 1, 2, 3, 2]
    assert (SERIES[3].high, SERIES[3].low) == (3, 2)


def test_bars_of_another_length_from_another_time_zone() -> None:
    (one,) = bars("SPY", "2024-01-02T09:30-05:00", [1], timeframe="5m", volume=7)
    assert (one.ts_start, one.timeframe, one.volume) == (FIRST_END - 60 * 10**9, "5m", 7)
    assert bars("SPY", START, []) == []


def test_a_start_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="should have Z or an offset"):
        bars("SPY", "2024-01-02T14:30", [1])


def test_a_run_returns_outputs_sealed_as_the_daemon_seals_them() -> None:
    first, second, *_ = run(Rising(), SERIES)
    assert (first.origin, first.version, first.instrument) == ("rising", "1", "SPY")
    assert (first.ts_event, second.ts_event) == (FIRST_END, FIRST_END + 60 * 10**9)
    assert first.id == output_id(first)
    assert first.id != second.id


def test_a_strategy_of_columns_says_the_same_as_one_of_events() -> None:
    assert run(Columns(), SERIES) == run(Rising(), SERIES)


def test_a_batch_can_be_run_as_it_is() -> None:
    assert run(Rising(), batch(SERIES)) == run(Rising(), SERIES)


prices = st.floats(0.01, 1e6)
instruments = st.sampled_from(["SPY", "QQQ", "ES"])
times = st.integers(0, 2**62)
market_events = st.one_of(
    st.builds(
        Bar,
        ts_event=times,
        instrument=instruments,
        timeframe=st.sampled_from(["1m", "1d"]),
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=prices,
    ),
    st.builds(
        Trade,
        ts_event=times,
        instrument=instruments,
        price=prices,
        size=prices,
        side=st.sampled_from(["", "buy", "sell"]),
    ),
    st.builds(
        Quote,
        ts_event=times,
        instrument=instruments,
        bid=prices,
        ask=prices,
        bid_size=prices,
        ask_size=prices,
    ),
    st.builds(ClockTick, ts_event=times),
)


@given(st.lists(market_events, max_size=20))
def test_events_become_rows_and_come_back_unchanged(events: list[MarketEvent]) -> None:
    assert list(batch(events).events()) == events


@pytest.mark.parametrize("strategy", [Rising, Columns])
def test_a_fold_passes_the_check(strategy: type[Rising] | type[Columns]) -> None:
    check(strategy, SERIES)


def test_the_check_catches_state_outside_the_state() -> None:
    class Forgetful(Rising):
        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def on_event(self, event: MarketEvent) -> Iterable[Output]:
            self.seen += 1
            return [Alert(message=f"event {self.seen}")]

    with pytest.raises(AssertionError, match=r"restored after every event, output 2 .*event 1"):
        check(Forgetful, SERIES)


def test_the_check_catches_state_that_ends_different() -> None:
    class Counting(Rising):
        def on_event(self, event: MarketEvent) -> Iterable[Output]:
            self.seen = getattr(self, "seen", 0) + 1
            self.state.last = self.seen
            return []

    with pytest.raises(AssertionError, match="it ends with the state"):
        check(Counting, SERIES)


def test_the_check_catches_chance() -> None:
    chance = Random(1)

    class Gambling(Rising):
        def on_event(self, event: MarketEvent) -> Iterable[Output]:
            return [Signal(name="roll", strength=chance.random())]

    with pytest.raises(AssertionError, match="run a second time, output 1 is Signal"):
        check(Gambling, SERIES)


def test_the_check_catches_state_shared_by_all_instances() -> None:
    class Shared(Rising):
        seen: list[int] = []  # noqa: RUF012 - the mistake to be caught

        def on_event(self, event: MarketEvent) -> Iterable[Output]:
            self.seen.append(1)
            return [Signal(name="third")] if len(self.seen) == 3 else []

    with pytest.raises(AssertionError, match="run a second time, output 1 is missing"):
        check(Shared, SERIES)


def test_the_check_catches_a_strategy_that_sees_how_batches_are_cut() -> None:
    class PerBatch(Columns):
        def on_batch(self, part: Batch) -> Iterable[Output]:
            return [Signal(name="batch", ts_event=int(part.rows["ts"][0]))]

    with pytest.raises(
        AssertionError, match=r"with batches of 1, output 2 is .* instead of nothing"
    ):
        check(PerBatch, SERIES)


def test_a_strategy_without_saved_state_is_checked_for_chance_only() -> None:
    class Plain:
        name, version = "plain", "1"

        def __init__(self) -> None:
            self.seen = 0

        def on_event(self, event: MarketEvent) -> Iterable[Output]:
            self.seen += 1
            return [Alert(message=str(self.seen))]

    check(Plain, SERIES)


def test_something_other_than_a_signal_or_alert_is_refused() -> None:
    class Chatty(Rising):
        def on_event(self, event: MarketEvent) -> Iterable[Output]:
            return ["buy"]  # type: ignore[list-item]

    with pytest.raises(StrategyFailed, match="says Signal, Alert or Audit, this is str"):
        run(Chatty(), SERIES)


def test_an_output_of_a_batch_without_a_time_is_refused() -> None:
    class Timeless(Columns):
        def on_batch(self, part: Batch) -> Iterable[Output]:
            return [Signal(name="when")]

    with pytest.raises(StrategyFailed, match="'when' has no ts_event"):
        run(Timeless(), SERIES)
