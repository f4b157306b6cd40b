"""The board: what is known of the signals that rules say, shared by all rules of a strategy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.timeframe import CODE_OF, NANOS_OF
from whispr_daemon.rules.columns.saved import SavedTable, join, save_table
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.compile.parts import at_work, emitted
from whispr_daemon.rules.compile.said import NEWEST, RING, entry_width
from whispr_daemon.rules.nodes import Said
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.source import StateBlock
from whispr_daemon.rules.tree import said_in

MOST_MOMENTS: Final = 4096  # of a signal; a longer count is of the last so many
_TICK_MOMENTS: Final = 1024  # of a rule that speaks on ticks

Ints = NDArray[np.int64]


class Scratch:
    """Room for records, the same for all rules: each takes what it wrote before the next writes."""

    def __init__(self) -> None:
        """Start with none."""
        self._lists: tuple[list[int], list[float]] = ([], [])
        self._arrays: tuple[Ints, NDArray[np.float64]] = (np.empty(0, np.int64), np.empty(0))

    def lists(self, ints: int, floats: int) -> tuple[list[int], list[float]]:
        """Return room for at least so many, as lists."""
        whole, broken = self._lists
        whole += [0] * (ints - len(whole))
        broken += [0.0] * (floats - len(broken))
        return self._lists

    def arrays(self, ints: int, floats: int) -> tuple[Ints, NDArray[np.float64]]:
        """Return room for at least so many, as arrays."""
        held = self._arrays
        if len(held[0]) < ints or len(held[1]) < floats:
            made = max(ints, len(held[0])), max(floats, len(held[1]))
            self._arrays = np.empty(made[0], np.int64), np.empty(made[1])
        return self._arrays


class Board:
    """An entry a slot and signal that is asked about; a rule in shadow mode has entries of its own.

    Attributes:
        width: ints of a slot.
        asked: the signals that rules ask about; those that none asks about are not kept.
        scratch: where rules write down what came of a run, until it is taken from there.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Make room for every signal that a rule asks about; nothing is said yet."""
        self._places: dict[str, tuple[int, int]] = {}
        offset, asked = 0, [said for rule in rules for said in _asked(rule)]
        for key, capacity in _capacities(rules, asked).items():
            self._places[key] = (offset, capacity)
            offset += entry_width(capacity)
        self.width = offset
        self.asked = frozenset(said.signal for said in asked)
        self.table = Table(0, offset)
        self.scratch = Scratch()

    def place(self, signal: str, shadow_of: str = "") -> tuple[int, int]:
        """Return where in a slot's row an entry stands, and the capacity of its ring.

        ``shadow_of`` is the rule whose own entry it is; empty: the one that all rules hear.
        """
        return self._places[_key(signal, shadow_of)]

    # ------------------------------------------------------------------ snapshots
    def save(self, slots: int) -> dict[str, SavedTable]:
        """Return the state of the first ``slots`` slots, by signal."""
        return {key: save_table(self.table, slots, self._block(key)) for key in self._places}

    def restore(self, saved: Mapping[str, SavedTable], slots: Sequence[int]) -> None:
        """Take :meth:`save` back, row ``n`` into ``slots[n]`` (-1: nowhere).

        Signals it does not know are dropped; an entry whose ring has another capacity by now keeps
        its newest moments.
        """
        self.table.clear()
        self.table.reserve(max(slots, default=-1) + 1)
        for key, (_, capacity) in self._places.items():
            rows = np.frombuffer(saved[key].ints, dtype="<i8") if key in saved else np.empty(0)
            if not len(rows) or len(rows) % len(slots):
                continue
            for slot, row in zip(slots, rows.reshape(len(slots), -1), strict=True):
                if slot >= 0:
                    self.table.ints[slot, self._block(key).ints] = _fitted(row, capacity)

    def _block(self, key: str) -> StateBlock:
        offset, capacity = self._places[key]
        return StateBlock(slice(0, 0), slice(offset, offset + entry_width(capacity)))


def _key(signal: str, shadow_of: str) -> str:
    return join(shadow_of, signal) if shadow_of else signal


def _capacities(rules: Sequence[Rule], asked: Iterable[Said]) -> dict[str, int]:
    """Return the moments to keep of each signal: those within the longest window asked for."""
    windows: dict[str, int] = {}
    for said in asked:
        window = said.scope if isinstance(said.scope, int) else 0
        windows[said.signal] = max(window, windows.get(said.signal, 0))
    moments: dict[str, int] = dict.fromkeys(windows, 0)
    for rule in rules if windows else ():
        for signal, nanos, shadow in _said(rule):
            if signal in windows:
                key = _key(signal, rule.name if shadow else "")
                window = windows[signal]
                one = window // nanos + 1 if nanos else _TICK_MOMENTS
                moments[key] = moments.get(key, 0) + (one if window else 1)
    return {key: min(max(count, 1), MOST_MOMENTS) for key, count in sorted(moments.items())}


def _asked(rule: Rule) -> Iterable[Said]:
    gate = () if rule.when is None else (rule.when,)
    return said_in((*gate, *(tree for clause in rule.clauses for tree in clause.trees)))


def _said(rule: Rule) -> Iterator[tuple[str, int, bool]]:
    """Yield each signal a clause says, how often at most (ns; 0: unknown), and if in shadow."""
    nanos = NANOS_OF[CODE_OF[rule.inputs.timeframe]]
    for _, clause, shadow in at_work(rule, range(len(rule.clauses))):
        for signal in emitted(clause):
            yield signal, 0 if clause.evaluate == "tick" else nanos, shadow


def _fitted(row: Ints, capacity: int) -> Ints:
    """Return an entry with a ring of another capacity."""
    if len(row) == entry_width(capacity):
        return row
    fitted = np.zeros(entry_width(capacity), dtype=np.int64)
    fitted[:NEWEST] = row[:NEWEST]
    moments = row[RING:].reshape(-1, 2)
    newest = moments[np.argsort(moments[:, 0], kind="stable")][-capacity:]
    fitted[RING : RING + newest.size] = newest.reshape(-1)
    fitted[NEWEST] = len(newest) - 1
    return fitted
