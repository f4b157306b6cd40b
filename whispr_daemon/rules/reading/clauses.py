"""One entry of ``logic`` to a clause: condition or sequence, filters, actions."""

from collections.abc import Mapping
from typing import Any, Final

from whispr_daemon.rules.actions import Action
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.reading.actions import read_action
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.plain import flag, listed, mapping, text, whole, word
from whispr_daemon.rules.reading.sequences import read_sequence
from whispr_daemon.rules.rule import Clause, Evaluate, Limit, LiveMode

_OF_SEQUENCES: Final = ("within", "until", "same_bar", "overlap", "on_timeout")
_SCOPES: Final = ("bar", "session", "day", "ever")


def read_clause(bench: Bench, index: int, scope: Scope, mode: LiveMode) -> Clause | None:
    """Return a clause without its digest; None if there is a mistake in it.

    ``scope`` is that of the clause's own evaluation; ``mode`` is the rule's.
    """
    path: Path = ("logic", index)
    written = mapping(bench.data["logic"][index])
    condition = bench.condition(written.get("if"), (*path, "if"), scope)
    sequence = None
    if "sequence" in written:
        sequence = read_sequence(bench, written, path, scope)
    else:
        _refuse_of_sequences(bench, written, path)
    rearm = bench.condition(written.get("rearm"), (*path, "rearm"), scope)
    then = _actions(bench, written.get("then"), (*path, "then"), scope)
    timeout = _actions(bench, written.get("on_timeout", []), (*path, "on_timeout"), scope)
    lacks = (condition is None and sequence is None) or ("rearm" in written and rearm is None)
    if lacks or then is None or timeout is None:
        return None
    return Clause(
        id=text(written.get("id"), f"logic[{index}]"),
        digest="",
        evaluate=scope.evaluate,
        mode=word(written.get("mode", mode), ("live", "shadow", "off")),
        condition=condition,
        sequence=sequence,
        gap=word(written.get("gap"), ("include", "exclude", "only")),
        hold=bench.duration(written.get("for"), (*path, "for"), scope.timeframe),
        edge=word(written.get("edge"), ("auto", "rising", "every")),
        fire_on_start=flag(written.get("fire_on_start")),
        rearm=rearm,
        limits=_limits(written, scope.evaluate),
        cooldown=bench.duration(written.get("cooldown"), (*path, "cooldown"), scope.timeframe),
        span_sessions=flag(written.get("span_sessions")),
        actions=then,
        on_timeout=timeout,
    )


def _limits(written: Mapping[str, Any], evaluate: Evaluate) -> tuple[Limit, ...]:
    limits = []
    once = written.get("once")
    most = mapping(written.get("max_fires"))
    if once in _SCOPES:
        limits.append(Limit(name="once", count=1, per=once))
    if most.get("per") in _SCOPES:
        limits.append(Limit(name="max_fires", count=whole(most.get("count"), 1), per=most["per"]))
    if not limits and evaluate == "tick":
        limits.append(Limit(name="once", count=1, per="bar"))
    return tuple(limits)


def _actions(bench: Bench, written: object, path: Path, scope: Scope) -> tuple[Action, ...] | None:
    found: list[Action | None] = [
        read_action(bench, item, (*path, at), scope) for at, item in enumerate(listed(written))
    ]
    complete = tuple(action for action in found if action is not None)
    return complete if len(complete) == len(found) else None


def _refuse_of_sequences(bench: Bench, written: Mapping[str, Any], path: Path) -> None:
    for key in _OF_SEQUENCES:
        if key in written:
            place = bench.document.key((*path, key))
            bench.document.report(place, "E511", f"{key!r} belongs to a sequence, not to an 'if'")


def check_ids(bench: Bench) -> None:
    """Report clause ids that are used twice."""
    seen: set[str] = set()
    for index, written in enumerate(listed(bench.data.get("logic"))):
        name = mapping(written).get("id")
        if isinstance(name, str) and name in seen:
            message = f"the clause id {name!r} is used twice"
            bench.refuse(("logic", index, "id"), "E509", message)
        seen.add(str(name))
