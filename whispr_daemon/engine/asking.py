"""Asks a strategy, which is foreign code: what it says is checked and sealed."""

from collections.abc import Iterable
from typing import Any

import msgspec

from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.errors import StrategyFailed
from whispr_daemon.domain.events import ClockTick, MarketEvent
from whispr_daemon.domain.outputs import Alert, Audit, Output, Sealer, Signal, Written
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.strategy import ColumnarStrategy, Strategy


def answers(
    strategy: Strategy | ColumnarStrategy, batch: Batch, position: Position, sealer: Sealer
) -> list[Written]:
    """Return what a strategy says of a batch of the entry at a position, sealed.

    Raises:
        StrategyFailed: it raised, or said something without a name or a time.
    """
    sealed: list[Written] = []
    event: MarketEvent | None = None
    try:
        # Protocols would be asked for longer than they answer.
        if hasattr(strategy, "drafts"):
            return sealer.write_all(strategy.drafts(batch))
        if hasattr(strategy, "on_batch"):
            for output in strategy.on_batch(batch):
                sealed.append(sealer.write(_checked(output, 0, ""), 0))
            return sealed
        for event in batch.events():
            for output in strategy.on_event(event):
                instrument = "" if isinstance(event, ClockTick) else event.instrument
                named = _checked(output, event.ts_event, instrument)
                sealed.append(sealer.write(named, event.ts_event))
    except Exception as error:
        when = f", {event.time.isoformat()}" if event is not None else ""
        raise StrategyFailed(f"at position {position}{when}: raised {error!r}") from error
    return sealed


def hand_over(strategy: Any, number: int, body: bytes, ts_event: int) -> list[Output]:
    """Let a strategy that is Changing follow a change; return what it says of it, not sealed.

    Raises:
        StrategyFailed: it raised.
    """
    try:
        return list(strategy.change(number, body, ts_event))
    except Exception as error:
        raise StrategyFailed(f"change {number}: raised {error!r}") from error


def sealed_of_change(
    said: Iterable[Output], number: int, ts_event: int, sealer: Sealer
) -> list[Written]:
    """Return what was said of a change, sealed.

    Raises:
        StrategyFailed: it has no name or no time.
    """
    try:
        return [sealer.write(_checked(output, ts_event, ""), ts_event) for output in said]
    except Exception as error:
        raise StrategyFailed(f"change {number}: said {error!r}") from error


def _checked(output: Output, ts_event: int, instrument: str) -> Output:
    if not isinstance(output, Signal | Alert | Audit):
        raise TypeError(f"a strategy says Signal, Alert or Audit, this is {type(output).__name__}")
    if not (output.ts_event or ts_event):
        raise ValueError(f"{output.name!r} has no ts_event")
    if output.instrument or not instrument:
        return output
    return msgspec.structs.replace(output, instrument=instrument)
