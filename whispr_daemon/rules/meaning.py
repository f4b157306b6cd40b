"""What a rule says, part by part in words: for people who compare rules or look at them whole."""

from collections.abc import Iterator, Mapping

import msgspec

from whispr_daemon.rules.actions import Action, Assign, Emit, Note, Warn
from whispr_daemon.rules.message import Field, Message
from whispr_daemon.rules.nodes import Named, Node, Parameter
from whispr_daemon.rules.rule import Clause, Inputs, Rule
from whispr_daemon.rules.spelling import duration, spelling
from whispr_daemon.rules.tree import walk

_SPANS = ("stale_after",)  # of inputs, in ns


def rule_in_words(rule: Rule) -> Mapping[str, str]:
    """Return what holds for all clauses: by key of the file (``inputs.symbols``) what it says."""
    said = {"enabled": str(rule.enabled).lower(), "mode": rule.mode, "priority": str(rule.priority)}
    for name, value in msgspec.structs.asdict(rule.inputs).items():
        if value != getattr(Inputs(), name) or name == "timeframe":
            shown = duration(value) if name in _SPANS else _plain(value)
            said[f"inputs.{name}"] = shown
    for node in _nodes(rule):
        if isinstance(node, Parameter):
            said[f"params.{node.name}"] = f"{node.value:.10g}"
        elif isinstance(node, Named) and not node.built_in:
            said[f"let.{node.name}"] = spelling(node.node)
    for held in rule.variables:
        said[f"vars.{held.name}"] = f"{held.init:.10g}, reset {held.reset}"
    if rule.when is not None:
        said["when"] = spelling(rule.when)
    return said


def clause_in_words(clause: Clause) -> Mapping[str, str]:
    """Return what a clause says, by its keys: ``if``, ``for``, ``then`` …"""
    said: dict[str, str] = {}
    if clause.condition is not None:
        said["if"] = spelling(clause.condition)
    if clause.sequence is not None:
        steps = []
        for step in clause.sequence.steps:
            absent = f" absent for {duration(step.absent)}" if step.absent else ""
            steps.append(f"{step.name}: {spelling(step.condition)}{absent}")
        said["sequence"] = "; ".join(steps)
        if clause.sequence.within:
            said["within"] = duration(clause.sequence.within)
        if clause.sequence.until is not None:
            said["until"] = spelling(clause.sequence.until)
        for name in ("same_bar", "overlap"):
            if getattr(clause.sequence, name):
                said[name] = "true"
    said |= _filters(clause)
    said["then"] = "; ".join(map(action_as_written, clause.actions))
    if clause.on_timeout:
        said["on_timeout"] = "; ".join(map(action_as_written, clause.on_timeout))
    return said


def _filters(clause: Clause) -> dict[str, str]:
    said: dict[str, str] = {}
    for key, value, usual in (
        ("evaluate", clause.evaluate, "bar_close"),
        ("mode", clause.mode, "live"),
        ("gap", clause.gap, "include"),
        ("edge", clause.edge, "auto"),
        ("fire_on_start", clause.fire_on_start, False),
        ("span_sessions", clause.span_sessions, False),
    ):
        if value != usual:
            said[key] = _plain(value)
    for key, nanos in (("for", clause.hold), ("cooldown", clause.cooldown)):
        if nanos:
            said[key] = duration(nanos)
    if clause.rearm is not None:
        said["rearm"] = spelling(clause.rearm)
    for limit in clause.limits:
        once = limit.name == "once"
        said[limit.name] = limit.per if once else f"{limit.count} per {limit.per}"
    return said


def action_as_written(action: Action) -> str:
    """Return an action much as a file has it: ``emit:GG_trigger``."""
    match action:
        case Emit(name=name, strength=strength, side=side, data=data):
            more = [] if strength is None else [f"strength {strength:g}"]
            more += [f"side {side}"] if side else []
            more += [f"{key} = {spelling(node)}" for key, node in data]
            return f"emit:{name}" + (f" ({', '.join(more)})" if more else "")
        case Warn(severity=severity, message=message):
            return f"alert:{severity}:{message_as_written(message)}"
        case Assign(name=name, value=value):
            return f"set:{name}={spelling(value)}"
        case Note(message=message):
            return f"log:{message_as_written(message)}"
        case _:
            listed = ", ".join(f"{key}: {value}" for key, value in action.written.items())
            return f"{action.verb} {{{listed}}}"


def message_as_written(message: Message) -> str:
    """Return a message with its fields in braces."""
    parts = [message.texts[0]]
    for field, text in zip(message.fields, message.texts[1:], strict=True):
        what = field.word if field.node is None else spelling(field.node)
        spec = "" if field.spec == Field().spec else f":{field.spec}"
        parts += [f"{{{what}{spec}}}", text]
    return "".join(parts)


def _nodes(rule: Rule) -> Iterator[Node]:
    tops = [] if rule.when is None else [rule.when]
    for clause in rule.clauses:
        tops += clause.trees
    return (node for top in tops for node in walk(top))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {one}" for key, one in value.items())
    return str(value)
