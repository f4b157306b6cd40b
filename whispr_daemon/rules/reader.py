"""One document to one rule: its inputs, clauses and actions, with every mistake reported."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.actions import Action, read_action
from whispr_daemon.rules.check.expression import check_condition
from whispr_daemon.rules.check.scope import RefusedError, Scope
from whispr_daemon.rules.columns.sessions import calendar
from whispr_daemon.rules.declarations import check_declarations
from whispr_daemon.rules.document.document import Document, Path
from whispr_daemon.rules.names import DEFAULT_LENGTH
from whispr_daemon.rules.nodes import Ladder, Node
from whispr_daemon.rules.rule import Clause, Inputs, Rule


class RuleReader:
    """Reads one document that may be misshapen anywhere."""

    def __init__(self, document: Document) -> None:
        """Take a document whose data is a mapping."""
        self.document = document
        self.data: dict[str, Any] = document.data
        self.inputs = _mapping(self.data.get("inputs"))
        atr = _mapping(self.inputs.get("atr"))
        self.scope = Scope(
            timeframe=_text(self.inputs.get("timeframe"), "1m"),
            ladder=Ladder(length=_whole(atr.get("length"), DEFAULT_LENGTH)),
            trigger=_number(atr.get("trigger"), 0.236),
        )

    def rule(self) -> Rule | None:
        """Return the rule; None if there is an error in the document by then."""
        self._check_calendar()
        found = self.data.get("logic")
        logic = found if isinstance(found, list) else []
        clauses = [
            self._clause(index, written)
            for index, written in enumerate(logic)
            if isinstance(written, dict)
        ]
        complete = [clause for clause in clauses if clause is not None]
        self._check_ids(logic)
        used = complete if len(complete) == len(logic) else None
        check_declarations(self.document, self.inputs.get("indicators"), used)
        if any(found.severity == "error" for found in self.document.diagnostics):
            return None
        said = {key: value for key, value in self.data.items() if key != "tests"}
        return Rule(
            name=self.data["name"],
            path=self.document.path,
            hash=_digest(said),
            enabled=self.data.get("enabled", True),
            priority=_whole(self.data.get("priority"), 0),
            inputs=self._inputs(),
            clauses=tuple(complete),
            description=self.data.get("description", ""),
            owner=self.data.get("owner", ""),
            tags=tuple(self.data.get("tags", ())),
            written_version=str(self.data.get("version", "")),
        )

    def _inputs(self) -> Inputs:
        warmup = self.inputs.get("warmup", {})
        return Inputs(
            timeframe=self.scope.timeframe,
            session=self.inputs.get("session", "rth"),
            calendar=self.inputs.get("calendar", ""),
            symbols=tuple(self.inputs.get("symbols", ())),
            require=warmup.get("require"),
            bars=_whole(warmup.get("bars"), 0),
        )

    def _check_calendar(self) -> None:
        name = self.inputs.get("calendar")
        if not isinstance(name, str):
            return
        try:
            calendar(name)
        except SettingsError as error:
            place = self.document.value(("inputs", "calendar"))
            self.document.report(place, "E508", str(error))

    # ------------------------------------------------------------------ clauses
    def _clause(self, index: int, written: Mapping[str, Any]) -> Clause | None:
        path: Path = ("logic", index)
        condition: Node | None = None
        text = written.get("if")
        if isinstance(text, str):
            checked = check_condition(text, self.scope)
            self.document.add(checked.findings, (*path, "if"))
            condition = checked.node
        then = written.get("then")
        listed = then if isinstance(then, list) else []
        actions = [self._action(item, (*path, "then", at)) for at, item in enumerate(listed)]
        complete = [action for action in actions if action is not None]
        if condition is None or len(complete) < len(actions):
            return None
        return Clause(
            id=_text(written.get("id"), f"logic[{index}]"),
            digest=_digest([written, self.inputs])[:16],
            condition=condition,
            actions=tuple(complete),
        )

    def _action(self, written: object, path: Path) -> Action | None:
        if not isinstance(written, str | dict) or not written:
            return None  # the schema has said so
        try:
            return read_action(written, self.scope)
        except RefusedError as error:
            self.document.add([error.finding], path)
            return None

    def _check_ids(self, logic: Sequence[object]) -> None:
        seen: set[str] = set()
        for index, written in enumerate(logic):
            name = _mapping(written).get("id")
            if isinstance(name, str) and name in seen:
                place = self.document.value(("logic", index, "id"))
                self.document.report(place, "E509", f"the clause id {name!r} is used twice")
            seen.add(str(name))


def _digest(said: object) -> str:
    """Return the sha256 of plain data: comments, order of keys and layout do not change it."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) else default


def _whole(value: object, default: int) -> int:
    return int(value) if isinstance(value, int | float) else default  # 14.0 is whole too


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
