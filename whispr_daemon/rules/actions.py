"""What a clause does when it fires: ``emit`` and ``alert``, read from strings or mappings."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias, cast

from whispr_daemon.domain.outputs import Severity
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.check.scope import RefusedError, Scope
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.message import Message, read_message
from whispr_daemon.rules.nodes import Node

LATER_VERBS: Final = ("set", "log", "order", "target", "flatten", "cancel", "halt")
VERBS: Final = ("emit", "alert", *LATER_VERBS)
SEVERITIES: Final[tuple[Severity, ...]] = ("debug", "info", "warn", "error", "critical")

_SIGNAL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


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


def read_action(written: str | Mapping[str, Any], scope: Scope) -> Action:
    """Read one item of ``then``.

    Raises:
        RefusedError: with an offset into ``written`` where it is text, else 0.
    """
    if isinstance(written, str):
        verb, _, rest = written.partition(":")
        return _reader(verb)(rest, len(verb) + 1, scope)
    verbs = [key for key in written if key in VERBS]
    if len(verbs) != 1:
        hint = suggestion(next(iter(written)), VERBS)
        raise RefusedError(0, "E400", f"unknown action with the keys {', '.join(written)}{hint}")
    return _read_mapping(verbs[0], written, scope)


def _reader(verb: str) -> Callable[[str, int, Scope], Action]:
    readers: dict[str, Callable[[str, int, Scope], Action]] = {"emit": _emit, "alert": _alert}
    if verb in readers:
        return readers[verb]
    if verb in LATER_VERBS:
        raise RefusedError(0, "E490", f"the action {verb!r} is not carried out yet")
    raise RefusedError(0, "E400", f"unknown action {verb!r}{suggestion(verb, VERBS)}")


def _emit(rest: str, start: int, _scope: Scope) -> Emit:
    name, colon, strength = rest.partition(":")
    if not _SIGNAL.fullmatch(name):
        message = f"emit needs a signal name of letters, digits and _, found {name!r}"
        raise RefusedError(start, "E401", message)
    if not colon:
        return Emit(name=name)
    return Emit(name=name, strength=_strength(strength, start + len(name) + 1))


def _strength(written: object, start: int) -> float:
    number = written if isinstance(written, str | int | float) else math.nan
    try:
        value = math.nan if isinstance(number, bool) else float(number)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    raise RefusedError(start, "E401", f"the strength of a signal is a number, found {written!r}")


def _alert(rest: str, start: int, scope: Scope) -> Warn:
    head, colon, tail = rest.partition(":")
    severity: Severity = "info"
    if colon and head in SEVERITIES:
        severity = head
        rest, start = tail, start + len(head) + 1
    if not rest.strip():
        raise RefusedError(start, "E402", "alert needs a message")
    return Warn(severity=severity, message=read_message(rest, start, scope))


def _read_mapping(verb: str, written: Mapping[str, Any], scope: Scope) -> Action:
    read = _reader(verb)
    value = written[verb]
    if verb == "emit":
        _refuse_others(written, ("emit", "strength"), "emit", ("side", "data"))
        signal = read(str(value), 0, scope)
        strength = written.get("strength")
        if strength is None:
            return signal
        return Emit(name=cast("Emit", signal).name, strength=_strength(strength, 0))
    _refuse_others(written, ("alert",), "alert", ())
    if not isinstance(value, dict):
        raise RefusedError(0, "E402", "alert needs {level, message}")
    _refuse_others(value, ("level", "message"), "alert", ("channels", "dedup"))
    severity = value.get("level", "info")
    if severity not in SEVERITIES:
        found = f"alert level {severity!r} is none of {', '.join(SEVERITIES)}"
        raise RefusedError(0, "E402", found)
    message = value.get("message")
    if not isinstance(message, str) or not message.strip():
        raise RefusedError(0, "E402", "alert needs a message")
    return Warn(severity=severity, message=read_message(message, 0, scope))


def _refuse_others(
    written: Mapping[str, Any], known: tuple[str, ...], verb: str, later: tuple[str, ...]
) -> None:
    for key in written:
        if key in later:
            raise RefusedError(0, "E490", f"{key!r} of {verb} is not carried out yet")
        if key not in known and not key.startswith("x-"):
            hint = suggestion(key, (*known, *later))
            raise RefusedError(0, "E501", f"unknown key {key!r} of {verb}{hint}")
