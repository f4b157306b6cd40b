"""What came out, as tests write it, and whether it is what was expected."""

import math
from collections.abc import Mapping
from typing import Any, Final

from whispr_daemon.domain.outputs import Alert, Audit, Output, Signal
from whispr_daemon.rules.actions import Intend
from whispr_daemon.rules.document.document import read
from whispr_daemon.rules.explain.where import time_of_day
from whispr_daemon.rules.golden.case import INTENTS, Case, Expected

CLOSE: Final = 1e-9  # relative: numbers that are equal
LEVEL: Final = 5e-5  # levels are written with 4 digits


def answers(case: Case, output: Output) -> bool:
    """Is it something that ``expect`` lists: a signal, an alert, or the log where it is asked?"""
    if not isinstance(output, Audit):
        return True
    listed = case.expect or ()
    return output.name == "log" and any("log" in each.said for each in listed)


def matches(expected: Expected, output: Output, case: Case) -> bool:
    """Is this what was expected? Only what is listed is compared."""
    return not differences(expected, output, case)


def differences(expected: Expected, output: Output, case: Case) -> list[str]:
    """Return the listed keys that differ, ``at`` among them."""
    found = [] if output.ts_event == expected.ts else ["at"]
    for key, value in expected.said.items():
        if not key.startswith("x-") and not _agrees(key, value, output, case):
            found.append(key)
    return found


def _agrees(key: str, value: Any, output: Output, case: Case) -> bool:  # noqa: C901, PLR0912 (a key each)
    data = output.data
    match key:
        case "emit":
            plain = isinstance(output, Signal) and output.intent is None
            return plain and same(value, output.name)
        case "alert":
            return isinstance(output, Alert) and same(value, output.severity)
        case "log":
            return isinstance(output, Audit) and same(value, output.message)
        case "message":
            return isinstance(output, Alert | Audit) and same(value, output.message)
        case "dir":
            return same(value, data.get("dir", output.direction))
        case "side":
            return value in (output.direction, data.get("side"))
        case "symbol":
            return same(value, output.instrument)
        case "clause" | "id":
            return same(value, data.get("clause"))
        case "level":
            return _number(value, output.level, LEVEL)
        case "price" | "strength":
            return same(value, getattr(output, key, None))
        case "data":
            carried = data.get("data", {})
            return isinstance(value, dict) and all(
                same(wanted, carried.get(name)) for name, wanted in value.items()
            )
        case "gap":
            return bool(data.get("gap", False) == value)
        case _:
            return _intends(key, value, output, case)


def _intends(verb: str, value: Any, output: Output, case: Case) -> bool:
    """Compare an intent with the mapping as the rule has it, or as it was evaluated."""
    if not isinstance(output, Signal) or output.intent is None or output.name != verb:
        return False
    wanted = _plain(value)
    written = _written(output, case)
    if not isinstance(wanted, dict):
        return any(wanted in each.values() for each in (output.intent, written))
    return all(
        same(one, output.intent.get(key)) or same(one, written.get(key))
        for key, one in wanted.items()
        if not str(key).startswith("x-")
    )


def _written(output: Signal, case: Case) -> Mapping[str, Any]:
    """Return what the rule's file says of an intent."""
    for clause in case.rule.clauses:
        if clause.id == output.data.get("clause"):
            for actions in (clause.actions, clause.on_timeout):
                place = output.data.get("action", -1)
                action = actions[place] if 0 <= place < len(actions) else None
                if isinstance(action, Intend) and action.verb == output.name:
                    return action.written
    return {}


def _plain(value: Any) -> Any:
    """Read a mapping that was written as text: ``"{'scope': 'entries'}"``."""
    if isinstance(value, str) and value.startswith("{"):
        return read("", value).data or value
    return value


def same(wanted: Any, found: Any) -> bool:
    """Are two plain values equal? Numbers may differ by the noise of arithmetic."""
    if isinstance(wanted, bool) or isinstance(found, bool):
        return bool(wanted == found)
    if isinstance(wanted, int | float):
        return _number(wanted, found, CLOSE * max(1.0, abs(wanted)))
    if wanted in (None, "na") and isinstance(found, float | None):
        return found is None or math.isnan(found)
    return bool(wanted == found)


def _number(wanted: Any, found: Any, tolerance: float) -> bool:
    numbers = isinstance(wanted, int | float) and isinstance(found, int | float)
    return numbers and abs(wanted - found) <= tolerance


# ------------------------------------------------------------------ in words
def when(ts: int, case: Case) -> str:
    """Return the exchange-local time of an evaluation, with its date where bars are of several."""
    clock = case.clock
    local = clock.local(ts)
    shown = time_of_day(local)
    days = {clock.local(int(end)).date() for end in (*case.rows["ts"][:1], *case.rows["ts"][-1:])}
    return shown if days == {local.date()} else f"{local:%Y-%m-%d} {shown}"


def expected_in_words(expected: Expected, case: Case) -> str:
    """Return one line: the time, what is to come out, its particulars."""
    return f"{when(expected.ts, case)}  {_words(expected.said)}"


def output_in_words(output: Output, case: Case) -> str:
    """Return one line like that of what was expected."""
    said: dict[str, Any] = {}
    if isinstance(output, Alert):
        said = {"alert": output.severity, "message": output.message}
    elif isinstance(output, Audit):
        said = {"log": output.message}
    elif output.intent is not None:
        said = {output.name: dict(output.intent)}
    else:
        said = {"emit": output.name}
        if output.strength is not None:
            said["strength"] = output.strength
    if output.direction:
        said["dir"] = output.direction
    if output.data.get("gap"):
        said["gap"] = True
    if len(case.symbols) > 1:
        said["symbol"] = output.instrument
    return f"{when(output.ts_event, case)}  {_words(said)}"


def _words(said: Mapping[str, Any]) -> str:
    names = [name for name in ("emit", "alert", "log", *INTENTS) if name in said]
    first = [f"{name} {_shown(said[name])}" for name in names]
    rest = [f"{key}={_shown(value)}" for key, value in said.items() if key not in names]
    return "  ".join((*first, *rest))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    return repr(text) if " " in text or not text else text
