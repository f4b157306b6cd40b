"""What a clause does when it fires, as values; :mod:`whispr_daemon.rules.reading` reads them."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from whispr_daemon.domain.outputs import Severity
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.message import Message
from whispr_daemon.rules.nodes import Node


class Emit(Value, frozen=True, kw_only=True):
    """Say a signal; later clauses and rules see it, too."""

    name: str
    strength: float | None = None
    side: Literal["", "long", "short", "flat"] = ""
    data: tuple[tuple[str, Node], ...] = ()  # values to carry along


class Warn(Value, frozen=True, kw_only=True):
    """Say an alert."""

    severity: Severity
    message: Message
    channels: tuple[str, ...] = ()
    dedup: str = ""


class Assign(Value, frozen=True, kw_only=True):
    """Give a variable a value, which the clauses after this one see."""

    name: str
    value: Node


class Note(Value, frozen=True, kw_only=True):
    """Write to the audit only."""

    message: Message


class Intend(Value, frozen=True, kw_only=True):
    """Wish something of the risk gate: an order, a target, flatten, cancel, halt."""

    verb: Literal["order", "target", "flatten", "cancel", "halt"]
    written: Mapping[str, Any]  # what the file says, e.g. {"side": "buy", "stop": "price - 1"}
    expressions: tuple[tuple[str, Node], ...] = ()  # evaluated when it fires, by key of ``written``


Action: TypeAlias = Emit | Warn | Assign | Note | Intend


def reads(action: Action) -> tuple[Node, ...]:
    """Return the expressions whose values an action needs when its clause fires, in order."""
    match action:
        case Warn(message=message) | Note(message=message):
            return tuple(message.nodes())
        case Emit(data=named) | Intend(expressions=named):
            return tuple(node for _, node in named)
        case Assign(value=value):
            return (value,)
