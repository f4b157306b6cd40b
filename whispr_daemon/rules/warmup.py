"""What rules still wait for before they may fire, in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.column import Column
from whispr_daemon.rules.columns.bank import Bank
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.slots import Slots
from whispr_daemon.rules.running import Running

_TOLD: Final = 100  # rules and instruments that are named
_EVERY: Final = "*"


class _Counted(NamedTuple):
    """What is counted."""

    clock: Clock
    column: Column


class _Asked(NamedTuple):
    """A count, and how far it must be for somebody."""

    what: _Counted
    least: int


class _Found(NamedTuple):
    """How far counts are: each for every slot, then for an instrument not seen so far."""

    counts: Mapping[_Counted, NDArray[np.int64]]
    short: Mapping[_Asked, list[int]]  # the slots that do not have enough


class WarmUp:
    """Asks each count once for all instruments, and looks only at rules that lack something.

    Of ten thousand rules and a thousand instruments that is what a report can afford.
    """

    def __init__(self, running: Sequence[Running], bank: Bank, slots: Slots) -> None:
        """``running`` and what their bank makes stay as they are; slots come."""
        self._running = running
        self._bank = bank
        self._slots = slots

    def told(self) -> dict[str, str]:
        """Return what each rule still waits for: ``{"rule SPY": "warming 120/201 daily bars"}``.

        No more than some are named; how many rules wait besides is told under ``…``.
        """
        words: dict[str, str] = {}
        found = self._found()
        more = 0
        for rank in self._suspects(found):
            running = self._running[rank]
            if len(words) >= _TOLD:
                more += self._waits(rank, found)
                continue
            for symbol, missing in self._lacking(rank, found):
                words[f"{running.rule.name} {symbol}"] = missing
                if len(words) >= _TOLD:
                    break
        if more:
            words["…"] = f"{more:,} more rules are warming"
        return words

    @cached_property
    def _asked(self) -> Sequence[Mapping[_Asked, str]]:
        """What each rule asks of counts, and what is counted, in words."""
        return [
            {
                _Asked(_Counted(turn.clock, need.column), least): need.unit
                for turn in running.turns
                for need, least in running.lacking(turn)
            }
            for running in self._running
        ]

    @cached_property
    def _asking(self) -> Mapping[_Asked, Sequence[int]]:
        """The ranks of the rules that want a count to be so far."""
        asking: dict[_Asked, list[int]] = {}
        for rank, asked in enumerate(self._asked):
            for each in asked:
                asking.setdefault(each, []).append(rank)
        return asking

    @cached_property
    def _counters(self) -> Mapping[_Counted, Callable[[int], NDArray[np.int64]]]:
        whats = dict.fromkeys(asked.what for asked in self._asking)
        return {what: self._bank.counter(*what) for what in whats}

    @cached_property
    def _naming(self) -> Mapping[str, Sequence[int]]:
        """The ranks of the rules that name an instrument and are evaluated for it here."""
        naming: dict[str, list[int]] = {}
        for rank, running in enumerate(self._running):
            for symbol in _named(running):
                naming.setdefault(symbol, []).append(rank)
        return naming

    def _found(self) -> _Found:
        slots = len(self._slots.symbols)
        counts = {what: count(slots) for what, count in self._counters.items()}
        short = {
            asked: np.flatnonzero(counts[asked.what][:-1] < asked.least).tolist()
            for asked in self._asking
        }
        return _Found(counts, short)

    def _suspects(self, found: _Found) -> Sequence[int]:
        """Return the ranks of rules that may lack something."""
        ranks: set[int] = set()
        for asked, slots in found.short.items():
            if slots:
                ranks.update(self._asking[asked])
        for symbol, naming in self._naming.items():
            if self._slots.known(symbol) < 0:
                ranks.update(naming)
        return sorted(ranks)

    def _waits(self, rank: int, found: _Found) -> bool:
        """Does a rule lack something?"""
        running, symbols = self._running[rank], self._slots.symbols
        return any(
            running.wants(symbols[slot])
            for asked in self._asked[rank]
            for slot in found.short[asked]
        ) or any(self._slots.known(symbol) < 0 for symbol in _named(running))

    def _lacking(self, rank: int, found: _Found) -> Iterator[tuple[str, str]]:
        """Yield each instrument for which a rule lacks something, and the words for it."""
        running, symbols = self._running[rank], self._slots.symbols
        short = {slot for asked in self._asked[rank] for slot in found.short[asked]}
        seen = [symbols[slot] for slot in sorted(short) if running.wants(symbols[slot])]
        for symbol in dict.fromkeys((*_named(running), *seen)):
            missing = self._missing(rank, self._slots.known(symbol), found)
            if missing:
                yield symbol, missing

    def _missing(self, rank: int, slot: int, found: _Found) -> str:
        """Say of all that a rule waits for what is farthest away; ``slot`` -1: not seen so far."""
        worst, words = 0, ""
        for (what, least), unit in self._asked[rank].items():
            so_far = int(found.counts[what][slot])
            if least - so_far > worst:
                worst, words = least - so_far, f"warming {so_far}/{least} {unit}"
        return words


def _named(running: Running) -> list[str]:
    return [one for one in running.symbols if one != _EVERY and running.wants(one)]
