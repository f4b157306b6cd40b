"""Rule files in; checked rules and every mistake out."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.actions import Action, Emit, read_action
from whispr_daemon.rules.check.expression import check_condition
from whispr_daemon.rules.diagnostics import Diagnostic, Finding, Severity
from whispr_daemon.rules.document import Document, Mark, Path, read
from whispr_daemon.rules.names import DEFAULT_LENGTH
from whispr_daemon.rules.nodes import Node, Series
from whispr_daemon.rules.rule import Clause, Inputs, Rule
from whispr_daemon.rules.scope import RefusedError, Scope, Span, name_node
from whispr_daemon.rules.sessions import calendar
from whispr_daemon.rules.shape import check_shape
from whispr_daemon.rules.tree import canonical, children

TESTS_SUFFIX: Final = ".test.yaml"


class RuleFile(Value, frozen=True):
    """A file as found: its path (named in messages) and its text."""

    path: str
    text: str


class Loaded(Value, frozen=True, kw_only=True):
    """What came of loading some files. A rule with an error is not among ``rules``."""

    rules: tuple[Rule, ...]
    diagnostics: tuple[Diagnostic, ...]  # by file, line, column

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics that keep a rule from running."""
        return tuple(found for found in self.diagnostics if found.severity == "error")


def load(files: Sequence[RuleFile]) -> Loaded:
    """Check files, all mistakes of each at once. ``X.test.yaml`` holds only tests."""
    rules: dict[str, Rule] = {}
    diagnostics: list[Diagnostic] = []
    for file in files:
        document = read(file.path, file.text)
        rule = _read_rule(document)
        if rule is not None and rule.name in rules:
            other = rules[rule.name].path
            message = f"the rule name {rule.name!r} is taken by {other} already (in {file.path})"
            document.report(document.value(("name",)), "E507", message)
        elif rule is not None:
            rules[rule.name] = rule
        diagnostics += sorted(document.diagnostics, key=lambda found: (found.line, found.column))
    return Loaded(rules=tuple(rules.values()), diagnostics=tuple(diagnostics))


def _read_rule(document: Document) -> Rule | None:
    if document.data is None:
        if not document.diagnostics:
            document.report(Mark(1, 1), "E502", "the file is empty")
        return None
    tests_only = document.path.endswith(TESTS_SUFFIX)
    check_shape(document, tests_only=tests_only)
    if tests_only or not isinstance(document.data, dict):
        return None
    return _Reader(document).rule()


class _Reader:
    """Reads one document that may be misshapen anywhere."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.data: dict[str, Any] = document.data
        self.inputs = _mapping(self.data.get("inputs"))
        atr = _mapping(self.inputs.get("atr"))
        self.scope = Scope(
            timeframe=_text(self.inputs.get("timeframe"), "1m"),
            atr_length=_whole(atr.get("length"), DEFAULT_LENGTH),
            trigger=_number(atr.get("trigger"), 0.236),
        )

    def rule(self) -> Rule | None:
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
        self._check_declarations(complete, unused_too=len(complete) == len(logic))
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
            self._add(checked.findings, (*path, "if"))
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
            self._add([error.finding], path)
            return None

    def _check_ids(self, logic: Sequence[object]) -> None:
        seen: set[str] = set()
        for index, written in enumerate(logic):
            name = _mapping(written).get("id")
            if isinstance(name, str) and name in seen:
                place = self.document.value(("logic", index, "id"))
                self.document.report(place, "E509", f"the clause id {name!r} is used twice")
            seen.add(str(name))

    # ------------------------------------------------------------------ declarations
    def _check_declarations(self, clauses: Sequence[Clause], *, unused_too: bool) -> None:
        declared = self.inputs.get("indicators")
        path: Path = ("inputs", "indicators")
        if isinstance(declared, dict):
            place = self.document.key(path)
            self.document.report(place, "E590", "a map of indicators is not evaluated yet")
            return
        used = {name for clause in clauses for name in _series_of(clause)} if unused_too else None
        for index, name in enumerate(declared if isinstance(declared, list) else ()):
            if isinstance(name, str):
                self._check_declaration(name, (*path, index), used)

    def _check_declaration(self, name: str, path: Path, used: set[str] | None) -> None:
        try:
            node = name_node(name, Span(0, len(name)))
        except RefusedError as error:
            self._add([error.finding], path)
            return
        if not isinstance(node, Series):
            finding = Finding(start=0, code="E201", message=f"{name!r} is not an indicator")
            self._add([finding], path)
        elif used is not None and canonical(node) not in used:
            message = f"{name} is declared and not used"
            self._add([Finding(start=0, code="W101", message=message, severity="info")], path)

    def _add(self, findings: Sequence[Finding], path: Path) -> None:
        for finding in findings:
            mark = self.document.inside(path, finding.start)
            severity: Severity = finding.severity
            self.document.diagnostics.append(
                Diagnostic(
                    path=self.document.path,
                    line=mark.line,
                    column=mark.column,
                    code=finding.code,
                    severity=severity,
                    message=finding.message,
                )
            )


def _series_of(clause: Clause) -> set[str]:
    nodes = [clause.condition]
    for action in clause.actions:
        if not isinstance(action, Emit):
            nodes += action.message.nodes()
    found: set[str] = set()
    while nodes:
        node = nodes.pop()
        nodes += children(node)
        if isinstance(node, Series):
            found.add(canonical(node))
    return found


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
