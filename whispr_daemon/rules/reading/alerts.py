"""``alert:level:message``, ``{alert: {level, message}}``, ``log:message``."""

from typing import cast

from whispr_daemon.domain.outputs import Severity
from whispr_daemon.rules.actions import Note, Warn
from whispr_daemon.rules.check.parse import MAX_CHARACTERS
from whispr_daemon.rules.diagnostics import Finding, suggestion
from whispr_daemon.rules.document.action_keys import SEVERITIES
from whispr_daemon.rules.message import Message, read_message
from whispr_daemon.rules.reading.place import Place


def read_alert(place: Place, rest: str, start: int) -> Warn | None:
    """Read what stands behind ``alert:``, ``start`` characters into the action."""
    head, colon, tail = rest.partition(":")
    severity: Severity = "info"
    if colon and head in SEVERITIES:
        severity = cast("Severity", head)
        rest, start = tail, start + len(head) + 1
    elif colon and (hint := suggestion(head.strip(), SEVERITIES)):
        text = f"{head!r} is no level of alerts, so this is info and {head!r} is told{hint}"
        found = Finding(start=start, code="W105", message=text, severity="warning")
        place.bench.find(found, place.path)
    message = _message(place, rest, start, "alert")
    return None if message is None else Warn(severity=severity, message=message)


def read_alert_mapping(place: Place, value: object) -> Warn | None:
    """Read the value of ``{alert: {level, message, channels, dedup}}``."""
    if not isinstance(value, dict):
        place.refuse("E402", "alert needs {level, message}")
        return None
    place.refuse_others(value, ("level", "message", "channels", "dedup"), "alert")
    severity = value.get("level", "info")
    right = severity in SEVERITIES
    if not right:
        hint = suggestion(str(severity), SEVERITIES)
        found = f"alert level {severity!r} is none of {', '.join(SEVERITIES)}{hint}"
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


def read_log(place: Place, rest: str, start: int) -> Note | None:
    """Read what stands behind ``log:``, ``start`` characters into the action."""
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
