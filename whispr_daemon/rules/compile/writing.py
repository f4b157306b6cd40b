"""Records and effects as lines: what a step function writes down, sets and says."""

from typing import NamedTuple

from whispr_daemon.rules.actions import Action, Assign, Emit
from whispr_daemon.rules.compile.codegen import TRUTHS, Translation
from whispr_daemon.rules.compile.parts import Part
from whispr_daemon.rules.compile.record import RECORD, Verdict
from whispr_daemon.rules.compile.said import write_emit
from whispr_daemon.rules.source import Event


class Writing(NamedTuple):
    """Where records go: ``RECORD`` ints each in OI, and in OF the level and the values."""

    source: Translation
    width: str  # floats of a record
    asked_of: frozenset[str]  # the signals that some rule asks about

    def bare(self, number: int, verdict: Verdict) -> None:
        """Write a record without values; ``number`` is the clause's, -1: of the rule."""
        self._ints((str(number), str(int(verdict)), "0", "0", "0"))
        self.source.line(f"OF[fired * {self.width}] = NAN")
        self.source.line("fired += 1")

    def record(self, part: Part, verdict: str, event: Event, done: str = "0") -> None:
        """Write a record with the values of a clause."""
        source = self.source
        values = [
            f"float({source.truth(node)})" if node.type in TRUTHS else source.number(node)
            for node in part.shown
        ]
        self._ints((str(part.number), verdict, event.direction, event.gap, done))
        source.line(f"o = fired * {self.width}")
        source.line(f"OF[o] = {event.level}")
        for place, value in enumerate(values, start=1):
            source.line(f"OF[o + {place}] = {value}")
        source.line("fired += 1")

    def changes(self, actions: tuple[Action, ...]) -> bool:
        """Do actions change what a later clause may see?"""
        return any(
            isinstance(action, Assign)
            or (isinstance(action, Emit) and action.name in self.asked_of)
            for action in actions
        )

    def acts(self, part: Part, actions: tuple[Action, ...]) -> None:
        """Write what actions change: variables, and the board of signals."""
        source = self.source
        given = {
            action.name: source.number(action.value)
            for action in actions
            if isinstance(action, Assign)
        }
        for name, value in given.items():
            source.line(f"{source.variable(name)} = {value}")
        for action in actions:
            if isinstance(action, Emit) and action.name in self.asked_of:
                entry, capacity = source.entry(action.name, shadow=part.shadow)
                write_emit(source, entry, capacity)

    def _ints(self, words: tuple[str, ...]) -> None:
        self.source.line(f"o = fired * {RECORD}")
        for place, word in enumerate(("r", *words)):
            self.source.line(f"OI[o + {place}] = {word}")
