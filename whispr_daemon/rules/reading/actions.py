"""Actions as they are written: ``emit:NAME``, ``{alert: {level, message}}`` …"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from whispr_daemon.domain.outputs import Severity
from whispr_daemon.rules.actions import Action, Assign, Emit, Note, Warn
from whispr_daemon.rules.check.parse import MAX_CHARACTERS
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import Finding, suggestion
from whispr_daemon.rules.document.action_keys import SEVERITIES, VERBS
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.message import Message, read_message
from whispr_daemon.rules.nodes import Const, Node, Type
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.intents import read_intent, read_intent_text
from whispr_daemon.rules.reading.plain import mapping

_SIGNAL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SIDES: Final = ("long", "short", "flat")
_INTENTS: Final = ("order", "target", "flatten", "cancel", "halt")

_Text: TypeAlias = Callable[["Place", str, int], Action | None]


class Place:
    """Where an action stands, and what it may speak of."""

    def __init__(self, bench: Bench, path: Path, scope: Scope) -> None:
        """Stand at ``path`` of the document on the bench."""
        self.bench = bench
        self.path = path
        self.scope = scope

    def refuse(self, code: str, message: str, start: int = 0, *keys: str | int) -> None:
        """Report a mistake ``start`` characters into the text at the action, or at keys of it."""
        self.bench.find(Finding(start=start, code=code, message=message), (*self.path, *keys))

    def at(self, *keys: str | int) -> "Place":
        """Return the place of a part of the action."""
        return Place(self.bench, (*self.path, *keys), self.scope)


def read_action(bench: Bench, written: object, path: Path, scope: Scope) -> Action | None:
    """Return one item of ``then``; None if there is a mistake in it."""
    place = Place(bench, path, scope)
    if isinstance(written, str) and written:
        verb, _, rest = written.partition(":")
        return _from_text(place, verb, rest)
    if isinstance(written, dict) and written:
        return _from_mapping(place, written)
    return None  # the schema has said so


def _from_text(place: Place, verb: str, rest: str) -> Action | None:
    start = len(verb) + 1
    texts: dict[str, _Text] = {"emit": _emit, "alert": _alert, "set": _set, "log": _log}
    if verb in texts:
        return texts[verb](place, rest, start)
    if verb in _INTENTS:
        return read_intent_text(place.bench, verb, rest, place.path)
    place.refuse("E400", f"unknown action {_short(verb)!r}{suggestion(verb, VERBS)}")
    return None


def _from_mapping(place: Place, written: Mapping[str, Any]) -> Action | None:
    verbs = [key for key in written if key in VERBS]
    if len(verbs) != 1:
        hint = suggestion(next(iter(written)), VERBS)
        shown = _short(", ".join(written))
        place.refuse("E400", f"unknown action with the keys {shown}{hint}")
        return None
    (verb,) = verbs
    others = ("strength", "side", "data") if verb == "emit" else ()
    refuse_others(place, written, (verb, *others), verb)
    inner = place.at(verb)
    value = written[verb]
    match verb:
        case "emit":
            return _emit_mapping(place, written)
        case "alert":
            return _alert_mapping(inner, value)
        case "set":
            return _set_mapping(inner, value)
        case "log":
            if isinstance(value, str):
                return _log(inner, value, 0)
            inner.refuse("E402", "log needs a message")
            return None
        case _:
            return read_intent(place.bench, verb, value, (inner.path, place.scope))


# ---------------------------------------------------------------- emit
def _emit(place: Place, rest: str, start: int) -> Emit | None:
    name, colon, strength = rest.partition(":")
    if not _SIGNAL.fullmatch(name):
        message = f"emit needs a signal name of letters, digits and _, found {_short(name)!r}"
        place.refuse("E401", message, start)
        return None
    place.bench.emitted.add(name)
    if not colon:
        return Emit(name=name)
    number = _strength(place, strength, start + len(name) + 1)
    return None if number is None else Emit(name=name, strength=number)


def _strength(place: Place, written: object, start: int = 0) -> float | None:
    number = written if isinstance(written, str | int | float) else math.nan
    try:
        value = math.nan if isinstance(number, bool) else float(number)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    place.refuse("E401", f"the strength of a signal is a number, found {written!r}", start)
    return None


def _emit_mapping(place: Place, written: Mapping[str, Any]) -> Emit | None:
    said = _emit(place.at("emit"), str(written["emit"]), 0)
    strength = None if said is None else said.strength
    if "strength" in written:
        strength = _strength(place.at("strength"), written["strength"])
        said = None if strength is None else said
    side = written.get("side", "")
    if "side" in written and side not in _SIDES:
        hint = suggestion(str(side), _SIDES)
        message = f"the side of a signal is {side!r}; expected one of {', '.join(_SIDES)}{hint}"
        place.refuse("E401", message, 0, "side")
        said = None
    data = _data(place.at("data"), written.get("data"))
    if said is None or data is None:
        return None
    return Emit(name=said.name, strength=strength, side=side, data=data)


def _data(place: Place, written: object) -> tuple[tuple[str, Node], ...] | None:
    if written is not None and not isinstance(written, dict):
        place.refuse("E401", "data is a mapping of names to expressions")
        return None
    found: list[tuple[str, Node]] = []
    for key, value in mapping(written).items():
        node = _datum(place, key, value)
        if node is not None:
            found.append((key, node))
    return tuple(found) if len(found) == len(mapping(written)) else None


def _datum(place: Place, key: str, value: object) -> Node | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Const(type=Type.NUM, start=0, end=0, value=float(value))
    if not isinstance(value, str):
        place.refuse("E401", f"{key} is no expression", 0, key)
        return None
    node = place.bench.value(value, (*place.path, key), place.scope)
    if node is not None and node.type in (Type.STR, Type.TIME, Type.DUR):
        place.refuse("E301", f"a signal carries numbers, this is a {node.type}", 0, key)
        return None
    return node


# ---------------------------------------------------------------- alert, log
def _alert(place: Place, rest: str, start: int) -> Warn | None:
    head, colon, tail = rest.partition(":")
    severity: Severity = "info"
    if colon and head in SEVERITIES:
        severity = cast("Severity", head)
        rest, start = tail, start + len(head) + 1
    message = _message(place, rest, start, "alert")
    return None if message is None else Warn(severity=severity, message=message)


def _alert_mapping(place: Place, value: object) -> Warn | None:
    if not isinstance(value, dict):
        place.refuse("E402", "alert needs {level, message}")
        return None
    refuse_others(place, value, ("level", "message", "channels", "dedup"), "alert")
    severity = value.get("level", "info")
    right = severity in SEVERITIES
    if not right:
        found = f"alert level {severity!r} is none of {', '.join(SEVERITIES)}"
        place.refuse("E402", found, 0, "level")
    channels = value.get("channels", [])
    if not isinstance(channels, list) or not all(isinstance(one, str) for one in channels):
        place.refuse("E402", "channels is a list of names", 0, "channels")
        right = False
    dedup = value.get("dedup", "")
    if not isinstance(dedup, str):
        place.refuse("E402", f"dedup is a text, found {dedup!r}", 0, "dedup")
        right = False
    written = value.get("message")
    message = _message(place.at("message"), written if isinstance(written, str) else "", 0, "alert")
    if message is None or not right:
        return None
    return Warn(severity=severity, message=message, channels=tuple(channels), dedup=dedup)


def _log(place: Place, rest: str, start: int) -> Note | None:
    message = _message(place, rest, start, "log")
    return None if message is None else Note(message=message)


def _message(place: Place, written: str, start: int, verb: str) -> Message | None:
    if not written.strip():
        place.refuse("E402", f"{verb} needs a message", start)
        return None
    if len(written) > MAX_CHARACTERS:
        message_length = f"a message of {len(written)} characters; at most {MAX_CHARACTERS}"
        place.refuse("E402", message_length, start)
        return None
    message, findings = read_message(written, start, place.scope)
    place.bench.document.add(findings, place.path)
    if any(found.severity == "error" for found in findings):
        return None
    for node in message.nodes():
        place.bench.ask(node, place.path, start)
    return message


# ---------------------------------------------------------------- set
def _set(place: Place, rest: str, start: int) -> Assign | None:
    name, equals, expression = rest.partition("=")
    if not equals:
        place.refuse("E410", "set takes a variable and an expression: set:x=x + 1", start)
        return None
    offset = start + len(name) + 1
    return _assign(place, name, expression, offset)


def _set_mapping(place: Place, value: object) -> Assign | None:
    if not isinstance(value, dict) or len(value) != 1:
        place.refuse("E410", "set takes one variable and an expression: {set: {x: x + 1}}")
        return None
    ((name, expression),) = value.items()
    written = repr(expression) if type(expression) in (int, float) else expression
    return _assign(place.at(name), name, written, 0)


def _assign(place: Place, name: str, expression: object, start: int) -> Assign | None:
    variables = place.scope.vocabulary.variables
    lower = name.strip().lower()
    if lower not in variables:
        hint = suggestion(lower, variables)
        place.refuse("E410", f"set needs a variable of vars, found {_short(name)!r}{hint}")
        return None
    place.scope.ledger.names.add(lower)
    node = place.bench.number(expression, place.path, place.scope, start)
    return None if node is None else Assign(name=lower, value=node)


def refuse_others(
    place: Place, written: Mapping[str, Any], known: tuple[str, ...], verb: str
) -> None:
    """Report keys that an action has not."""
    for key in written:
        if key not in known and not key.startswith("x-"):
            hint = suggestion(key, known)
            mark = place.bench.document.key((*place.path, key))
            message = f"unknown key {_short(key)!r} of {verb}{hint}"
            place.bench.document.report(mark, "E501", message)


def _short(written: str) -> str:
    return written if len(written) <= 60 else f"{written[:57]}…"
