"""What came of a clause to what is said of it: signals, alerts, and lines of the audit."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

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


class _About(NamedTuple):
    """What is the same in all that is said of a clause."""

    id: str
    happens: bool  # it has a direction, and may be a gap
    shadow: bool


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
        self._version = rule.version
        self._about = [
            _About(one.id, _happens(one), "shadow" in (rule.mode, one.mode)) for one in rule.clauses
        ]

    def say(self, found: Evaluated, view: View) -> Sequence[Output]:
        """Return the outputs of a record, the actions of a clause in the order of its ``then``.

        Call it in the order of rows: the alerts of a rule are counted.
        """
        verdict = found.verdict
        if verdict is Verdict.FIRED:
            return self._acts(self.rule.clauses[found.clause].actions, found, view)
        if verdict in _REASONS:
            reason = _REASONS[verdict]
            more = {"reason": reason, "values": found.values}
            text = f"{self._id(found)}: stopped by {reason}"
            return (self._audit("suppressed", text, found, view, more),)
        return self._beside(found, view)

    def _beside(self, found: Evaluated, view: View) -> Sequence[Output]:
        """Return what is said of what is neither a fire nor a fire that was stopped."""
        match found.verdict:
            case Verdict.TIMEOUT:
                clause = self.rule.clauses[found.clause]
                text = f"{clause.id}: not complete within its time"
                late = self._audit("timeout", text, found, view, {"values": found.values})
                return (late, *self._acts(clause.on_timeout, found, view))
            case Verdict.ERROR if found.code == PLUGGED:
                return ()  # the function's own line says what it raised
            case Verdict.ERROR:
                text = f"{self._id(found)}: {_error(found)}, which is na"
                return (self._audit("error", text, found, view, {"values": found.values}),)
            case Verdict.DISABLED:
                text = (
                    f"{self.rule.name} {self._id(found)} is disabled after {FAULTS} evaluations in "
                    f"a row with an error, the last a {_error(found)}, until it is changed"
                )
                shared = self._shared(found, view, {"values": found.values})
                return (Alert(message=text, severity="error", **shared),)
            case Verdict.DATA_GAP:
                (lapse,) = view.values.at(LAPSE, [found.row])
                text = f"no data for {duration(lapse)}: conditions must be seen false again"
                return (self._audit("data_gap", text, found, view, {"lapse": lapse}),)
            case _:
                return ()  # seen because the row was traced: nothing happened

    # ------------------------------------------------------------------ what all share
    def _id(self, found: Evaluated) -> str:
        return self._about[found.clause].id

    def _data(self, found: Evaluated) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if found.clause >= 0:
            about = self._about[found.clause]
            data["clause"] = about.id
            if about.happens:
                data["dir"], data["gap"] = found.direction, found.gap
        if found.late:
            data["ref_late"] = dict(found.late)
        if self.rule.tags:
            data["tags"] = list(self.rule.tags)
        return data

    def _shared(self, found: Evaluated, view: View, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of all kinds of outputs; ``more`` is added to their data."""
        data = self._data(found)
        data.update(more)
        return {
            "instrument": view.symbols[found.slot],
            "ts_event": found.ts,
            "direction": found.direction,
            "price": found.price,
            "level": None if found.level != found.level else found.level,
            "data": data,
            "origin": self.rule.name,
            "version": self._version,
        }

    def _audit(
        self, name: str, text: str, found: Evaluated, view: View, more: Mapping[str, Any]
    ) -> Audit:
        return Audit(name=name, message=text, **self._shared(found, view, more))

    # ------------------------------------------------------------------ actions
    def _acts(self, actions: tuple[Action, ...], found: Evaluated, view: View) -> list[Output]:
        said: list[Output] = []
        shadow = self._about[found.clause].shadow
        for place, action in enumerate(actions):
            more: dict[str, Any] = {**self._carried, "action": place}
            if place == 0 and found.verdict is Verdict.FIRED:
                more["values"] = found.values
            output = _output(action, found, self._shared(found, view, more))
            if shadow:
                said.append(_shadowed(output))
            elif isinstance(output, Alert):
                said.append(self._heard(output))
            else:
                said.append(output)
        return said

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


_REASONS: Final = {verdict: verdict.name.lower() for verdict in SUPPRESSED}
_SHARED: Final = (
    "instrument", "ts_event", "direction", "price", "level", "data", "origin", "version",
)  # fmt: skip


def _output(action: Action, found: Evaluated, shared: dict[str, Any]) -> Output:
    if isinstance(action, Emit):
        if action.data:
            numbers = _numbers(found)
            carried = {key: plain(node, _of(numbers, node)) for key, node in action.data}
            shared["data"]["data"] = carried
        if action.side:
            shared["direction"] = action.side
        return Signal(name=action.name, strength=action.strength, **shared)
    return _reckoned(action, _numbers(found), found, shared)


def _numbers(found: Evaluated) -> dict[str, float]:
    """Return what an evaluation shows by canonical spelling."""
    return {one.key: number for one, number in zip(found.shown, found.numbers, strict=True)}


def _reckoned(
    action: Warn | Note | Assign | Intend,
    numbers: Mapping[str, float],
    found: Evaluated,
    shared: dict[str, Any],
) -> Output:
    match action:
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
