"""Actions as they are written: ``emit:NAME``, ``{alert: {level, message}}`` …"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from whispr_daemon.rules.actions import Action
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.document.action_keys import VERBS
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.reading.alerts import read_alert, read_alert_mapping, read_log
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.emits import read_emit, read_emit_mapping
from whispr_daemon.rules.reading.intents import read_intent, read_intent_text
from whispr_daemon.rules.reading.place import Place, shortened
from whispr_daemon.rules.reading.sets import read_set, read_set_mapping

_INTENTS: Final = ("order", "target", "flatten", "cancel", "halt")

_Text: TypeAlias = Callable[[Place, str, int], Action | None]


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
    texts: dict[str, _Text] = {
        "emit": read_emit,
        "alert": read_alert,
        "set": read_set,
        "log": read_log,
    }
    if verb in texts:
        return texts[verb](place, rest, start)
    if verb in _INTENTS:
        return read_intent_text(place.bench, verb, rest, place.path)
    place.refuse("E400", f"unknown action {shortened(verb)!r}{suggestion(verb, VERBS)}")
    return None


def _from_mapping(place: Place, written: Mapping[str, Any]) -> Action | None:
    verbs = [key for key in written if key in VERBS]
    if len(verbs) != 1:
        hint = suggestion(next(iter(written)), VERBS)
        shown = shortened(", ".join(written))
        place.refuse("E400", f"unknown action with the keys {shown}{hint}")
        return None
    (verb,) = verbs
    others = ("strength", "side", "data") if verb == "emit" else ()
    place.refuse_others(written, (verb, *others), verb)
    inner = place.at(verb)
    value = written[verb]
    match verb:
        case "emit":
            return read_emit_mapping(place, written)
        case "alert":
            return read_alert_mapping(inner, value)
        case "set":
            return read_set_mapping(inner, value)
        case "log":
            if isinstance(value, str):
                return read_log(inner, value, 0)
            inner.refuse("E402", "log needs a message")
            return None
        case _:
            return read_intent(place.bench, verb, value, (inner.path, place.scope))
