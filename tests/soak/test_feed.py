"""The market of a soak: any row can be had without those before, and it keeps its rate."""

import asyncio

import numpy as np

from tests.simulation.faults import crash, settle
from tests.soak.feed import HISTORY_ROWS, SYMBOLS, Feed
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.gate import Gate
from whispr_daemon.domain.timeframe import MINUTE, SECOND
from whispr_daemon.ports.source import SourceBatch

RATE = 2_000
NAMES = dict(enumerate(SYMBOLS))


def test_rows_are_the_same_wherever_one_begins() -> None:
    feed = Feed(RATE, ManualClock())
    whole = feed.rows(np.arange(130 * RATE))
    assert (feed.rows(np.arange(61 * RATE, 62 * RATE)) == whole[61 * RATE : 62 * RATE]).all()


def test_a_minute_of_rows_is_a_minute_of_the_market_and_begins_with_bars() -> None:
    rows = Feed(RATE, ManualClock()).rows(np.arange(60 * RATE, 120 * RATE))
    assert rows["ts"][-1] - rows["ts"][0] < MINUTE
    bars = rows["kind"] == Kind.BAR
    assert bars[:40].all()
    assert not bars[40:].any()
    assert len(np.unique(rows["instrument"])) == len(SYMBOLS)


def test_the_gate_refuses_none_of_them() -> None:
    feed, gate = Feed(RATE, ManualClock()), Gate()
    warm = np.arange(60 * len(SYMBOLS))
    days = np.arange(260 * len(SYMBOLS))
    for rows in (
        feed.daily_rows(days),
        feed.warm_rows(warm),
        feed.rows(np.arange(70 * RATE)),
    ):
        accepted, corrections, refusals = gate.inspect(rows, NAMES)
        assert not refusals
        assert not corrections.any()
        assert accepted.all()


async def test_it_gives_what_is_due_and_what_was_not_taken_in_time_later() -> None:
    clock = ManualClock()
    found: list[SourceBatch] = []

    async def take() -> None:
        async for batch in Feed(RATE, clock).batches(HISTORY_ROWS - 5):
            found.append(batch)
            if len(found) == 3:
                await clock.sleep(10)  # meanwhile nobody takes anything

    task = asyncio.ensure_future(take())
    await settle(clock)
    assert [len(each.rows) for each in found] == [5], "the rest of the hour before, at once"
    for _ in range(600):
        clock.advance(0.02)
        await settle(clock, 4)
    await crash(task)

    seqs = [n for each in found for n in range(each.first_seq, each.first_seq + len(each.rows))]
    assert seqs == list(range(HISTORY_ROWS - 4, HISTORY_ROWS - 4 + len(seqs)))
    assert abs(len(seqs) - 5 - 12 * RATE) <= 2 * RATE * 0.02
    assert int(found[-1].rows["ts"][-1] - found[1].rows["ts"][0]) // SECOND == 11
