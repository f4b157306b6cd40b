"""What came of a clause to what is said of it: signals, alerts, and lines of the audit."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from whispr_daemon.domain.outputs import Alert, Audit, Output, Signal
from whispr_daemon.rules.actions import Action, Assign, Emit, Intend, Note, Warn
from whispr_daemon.rules.column import LAPSE
from whispr_daemon.rules.compile.record import BY_ZERO, DOMAIN, FAULTS, PLUGGED, SUPPRESSED, Verdict
from whispr_daemon.rules.evaluated import Evaluated, View, plain
from whispr_daemon.rules.message import Message
from whispr_daemon.rules.nodes import Node, Type
from whispr_daemon.rules.rule import Clause, Rule
from whispr_daemon.rules.spelling import duration
from whispr_daemon.rules.throttle import MOST, WINDOW, Throttle
from whispr_daemon.rules.tree import canonical


class Saying:
    """Speaks for one rule."""

    def __init__(self, rule: Rule) -> None:
        """Start with no alerts said."""
        self.rule = rule
        self.throttle = Throttle()
        told = {
            "rule_version": rule.written_version,
            "owner": rule.owner,
            "description": rule.description,
        }
        self._carried = {key: text for key, text in told.items() if text}

    def say(self, found: Evaluated, view: View) -> Iterator[Output]:
        """Yield the outputs of a record, the actions of a clause in the order of its ``then``.

        Call it in the order of rows: the alerts of a rule are counted.
        """
        shared = self._shared(found, view)
        match found.verdict:
            case Verdict.FIRED:
                clause = self.rule.clauses[found.clause]
                yield from self._acts(clause, clause.actions, found, shared)
            case Verdict.TIMEOUT:
                clause = self.rule.clauses[found.clause]
                text = f"{clause.id}: not complete within its time"
                yield Audit(name="timeout", message=text, **self._with_values(found, shared))
                yield from self._acts(clause, clause.on_timeout, found, shared)
            case Verdict.ERROR if found.code == PLUGGED:
                return  # the function's own line says what it raised
            case Verdict.ERROR:
                text = f"{self._id(found)}: {_error(found)}, which is na"
                yield Audit(name="error", message=text, **self._with_values(found, shared))
            case Verdict.DISABLED:
                text = (
                    f"{self.rule.name} {self._id(found)} is disabled after {FAULTS} evaluations in "
                    f"a row with an error, the last a {_error(found)}, until it is changed"
                )
                yield Alert(message=text, severity="error", **self._with_values(found, shared))
            case Verdict.DATA_GAP:
                (lapse,) = view.values.at(LAPSE, [found.row])
                text = f"no data for {duration(lapse)}: conditions must be seen false again"
                data = {**shared["data"], "lapse": lapse}
                yield Audit(name="data_gap", message=text, **{**shared, "data": data})
            case verdict if verdict in SUPPRESSED:
                reason = verdict.name.lower()
                data = {**shared["data"], "reason": reason, "values": found.values}
                text = f"{self._id(found)}: stopped by {reason}"
                yield Audit(name="suppressed", message=text, **{**shared, "data": data})
            case _:
                return  # seen because the row was traced: nothing happened

    # ------------------------------------------------------------------ what all share
    def _id(self, found: Evaluated) -> str:
        return self.rule.clauses[found.clause].id

    def _shared(self, found: Evaluated, view: View) -> dict[str, Any]:
        data: dict[str, object] = {}
        if found.clause >= 0:
            clause = self.rule.clauses[found.clause]
            data["clause"] = clause.id
            if _happens(clause):
                data["dir"], data["gap"] = found.direction, found.gap
        if found.late:
            data["ref_late"] = dict(found.late)
        if self.rule.tags:
            data["tags"] = list(self.rule.tags)
        return {
            "instrument": view.symbols[found.slot],
            "ts_event": found.ts,
            "direction": found.direction,
            "price": found.price,
            "level": None if found.level != found.level else found.level,
            "data": data,
            "origin": self.rule.name,
            "version": self.rule.version,
        }

    def _with_values(self, found: Evaluated, shared: Mapping[str, Any]) -> dict[str, Any]:
        return {**shared, "data": {**shared["data"], "values": found.values}}

    # ------------------------------------------------------------------ actions
    def _acts(
        self,
        clause: Clause,
        actions: tuple[Action, ...],
        found: Evaluated,
        shared: Mapping[str, Any],
    ) -> Iterator[Output]:
        shadow = "shadow" in (self.rule.mode, clause.mode)
        numbers = {one.key: number for one, number in zip(found.shown, found.numbers, strict=True)}
        for place, action in enumerate(actions):
            data = {**shared["data"], **self._carried, "action": place}
            if place == 0 and found.verdict is Verdict.FIRED:
                data["values"] = found.values
            output = _output(action, found, numbers, {**shared, "data": data})
            if shadow:
                yield _shadowed(output)
            elif isinstance(output, Alert):
                yield self._heard(output)
            else:
                yield output

    def _heard(self, alert: Alert) -> Output:
        """Return an alert, or what takes its place when there are too many."""
        word = self.throttle.ask(alert.ts_event)
        if word == "say":
            return alert
        fields = {name: getattr(alert, name) for name in _SHARED}
        if word == "digest":
            text = (
                f"{self.rule.name}: more than {MOST} alerts in {duration(WINDOW)}; the next are "
                f"held back until it calms. The last: {alert.message}"
            )
            return Alert(message=text, severity=alert.severity, **fields)
        fields["data"] = {**alert.data, "reason": "throttled", "severity": alert.severity}
        return Audit(name="suppressed", message=alert.message, **fields)


_SHARED: Final = (
    "instrument", "ts_event", "direction", "price", "level", "data", "origin", "version",
)  # fmt: skip


def _output(
    action: Action, found: Evaluated, numbers: Mapping[str, float], shared: dict[str, Any]
) -> Output:
    match action:
        case Emit(name=name, strength=strength, side=side):
            if action.data:
                carried = {key: plain(node, _of(numbers, node)) for key, node in action.data}
                shared["data"]["data"] = carried
            shared["direction"] = side or found.direction
            return Signal(name=name, strength=strength, **shared)
        case Warn(severity=severity, message=message):
            if action.channels:
                shared["data"]["channels"] = list(action.channels)
            if action.dedup:
                shared["data"]["dedup"] = action.dedup
            return Alert(message=_text(message, found, numbers), severity=severity, **shared)
        case Note(message=message):
            return Audit(name="log", message=_text(message, found, numbers), **shared)
        case Assign(name=name, value=node):
            value = plain(node, _of(numbers, node))
            shared["data"]["set"] = {name: value}
            return Audit(name="set", message=f"{name} = {value}", **shared)
        case Intend(verb=verb, written=written, expressions=expressions):
            reckoned = {key: plain(node, _of(numbers, node)) for key, node in expressions}
            return Signal(name=verb, intent={**written, **reckoned}, **shared)


def _of(numbers: Mapping[str, float], node: Node) -> float:
    return numbers[canonical(node)]


def _text(message: Message, found: Evaluated, numbers: Mapping[str, float]) -> str:
    shown = [_of(numbers, node) for node in message.nodes()]
    return message.text(shown, found.direction, gap=found.gap)


def _shadowed(output: Output) -> Audit:
    """Return what an output would have been, for the audit only."""
    fields = {name: getattr(output, name) for name in _SHARED}
    would: dict[str, object] = {"name": output.name}
    if isinstance(output, Signal):
        would |= {"strength": output.strength, "intent": output.intent}
    text = output.name if isinstance(output, Signal) else output.message
    fields["data"] = {**output.data, "would": would}
    return Audit(name="shadow", message=text, **fields)


def _happens(clause: Clause) -> bool:
    condition = clause.condition
    return condition is None or condition.type is Type.EVENT


def _error(found: Evaluated) -> str:
    words = {
        BY_ZERO: "division by zero",
        DOMAIN: "a function of what it is not defined for",
        PLUGGED: "failure of a plug-in's function",
    }
    return words.get(found.code, "overflow")
