"""What an expression may speak of: the inputs of its rule, and the names the rule gives."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.functions.function import Function
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.nodes import Ladder, Node, Type

Evaluate: TypeAlias = Literal["bar_close", "tick"]


class Span(NamedTuple):
    """The characters [start, end) of an expression."""

    start: int
    end: int


class RefusedError(Exception):
    """An expression means nothing; ``finding`` says what is wrong with it."""

    def __init__(self, start: int, code: str, message: str) -> None:
        """Carry one finding."""
        super().__init__(message)
        self.finding = Finding(start=start, code=code, message=message)


class Given(NamedTuple):
    """The value of a parameter, and what it is."""

    type: Type
    value: float


class Vocabulary(NamedTuple):
    """The names a rule gives. All but parameters are in lower case.

    One that is None stands for what has been refused where it is defined.
    """

    parameters: Mapping[str, Given | None] = {}
    lets: Mapping[str, Node | None] = {}
    aliases: Mapping[str, Node | None] = {}  # of indicators
    variables: frozenset[str] = frozenset()
    refs: Mapping[str, str] = {}  # alias to symbol

    def words(self) -> tuple[str, ...]:
        """Return all names that are written as they are."""
        return (*self.lets, *self.aliases, *self.variables, *self.refs)


class Ledger:
    """What the expressions of one rule have used so far."""

    def __init__(self) -> None:
        """Start with nothing used."""
        self.names: set[str] = set()  # of the vocabulary; of parameters with their ``$``
        self.characters = 0  # of all expressions
        self.nodes = 0  # that names and definitions have brought in


def _built_in() -> Mapping[str, Function]:
    return FUNCTIONS


class Scope(msgspec.Struct, frozen=True):
    """What the inputs of a rule say about names."""

    timeframe: str = "1m"
    ladder: Ladder = Ladder()
    trigger: float = 0.236
    evaluate: Evaluate = "bar_close"
    functions: Mapping[str, Function] = msgspec.field(default_factory=_built_in)
    vocabulary: Vocabulary = Vocabulary()
    ledger: Ledger = msgspec.field(default_factory=Ledger)

    def knowing(self, vocabulary: Vocabulary) -> "Scope":
        """Return it with other names."""
        return msgspec.structs.replace(self, vocabulary=vocabulary)

    def evaluated(self, when: Evaluate) -> "Scope":
        """Return it for another moment of evaluation."""
        return msgspec.structs.replace(self, evaluate=when)

    def afresh(self) -> "Scope":
        """Return it with nothing used."""
        return msgspec.structs.replace(self, ledger=Ledger())


class Defined(NamedTuple):
    """The definition of a function that is being read, instead of an expression of a rule."""

    at: Span  # the call, in the rule's expression: the place of all that comes of it
    arguments: Mapping[str, Node]
    depth: int = 1  # definitions within definitions
