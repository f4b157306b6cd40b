"""YAML text in; plain data out, with the line and column of every key and value.

YAML 1.2 core meaning (``16:00``, ``on`` and ``2026-06-24`` stay text). Anchors, aliases, foreign
tags and repeated keys are refused.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import yaml

from whispr_daemon.rules.diagnostics import Diagnostic, Finding, Severity
from whispr_daemon.rules.document.yaml_core import (
    COLLECTIONS,
    CORE,
    SCALARS,
    Mark,
    YamlRefusedError,
    compose,
)

Path: TypeAlias = tuple[str | int, ...]

MOST_FOUND: Final = 200  # mistakes of one file, and notices likewise; more are not told

_ESCAPE_LENGTHS: Final = {"x": 4, "u": 6, "U": 10}


class Document:
    """The data of one file and the places of its parts."""

    def __init__(self, path: str, text: str) -> None:
        """Start empty; :func:`read` fills it."""
        self.path = path
        self.data: Any = None
        self.diagnostics: list[Diagnostic] = []
        self._lines = text.splitlines()
        self._mistakes = self._notices = 0
        self._values: dict[Path, yaml.Node] = {}
        self._keys: dict[Path, yaml.Node] = {}

    def key(self, path: Path) -> Mark:
        """Return where the key (else the value) at ``path`` begins."""
        node = self._keys.get(path)
        return self.value(path) if node is None else _start(node)

    def value(self, path: Path) -> Mark:
        """Return where the content of the value at ``path`` begins; of a missing one: its parent's.

        The content of a quoted scalar begins behind the quote.
        """
        while path and path not in self._values:
            path = path[:-1]
        node = self._values.get(path)
        return Mark(1, 1) if node is None else _start(node)

    def written(self, path: Path) -> str:
        """Return a scalar as it is written: 1.10 stays that. Empty if there is none."""
        node = self._values.get(path)
        return str(node.value) if isinstance(node, yaml.ScalarNode) else ""

    def inside(self, path: Path, offset: int) -> Mark:
        """Return the place of character ``offset`` of the text at ``path``."""
        node = self._values.get(path)
        if not isinstance(node, yaml.ScalarNode):
            return self.value(path)
        start = _start(node)
        if node.style in ("|", ">"):
            return self._inside_block(node, offset)
        if node.start_mark.line != node.end_mark.line:
            return start
        raw = self._lines[start.line - 1][start.column - 1 :]
        return Mark(start.line, start.column + _raw_offset(raw, node.style, offset))

    def _inside_block(self, node: yaml.ScalarNode, offset: int) -> Mark:
        first = node.start_mark.line + 1
        while first < len(self._lines) and not self._lines[first].strip():
            first += 1
        indent = len(self._lines[first]) - len(self._lines[first].lstrip())
        for number in range(node.start_mark.line + 1, node.end_mark.line):
            length = len(self._lines[number][indent:])
            if offset <= length:
                return Mark(number + 1, indent + offset + 1)
            offset -= length + 1
        return _start(node)

    def report(self, mark: Mark, code: str, message: str) -> None:
        """Add an error."""
        self._report(mark, code, message, "error")

    def note(self, mark: Mark, code: str, message: str, severity: Severity = "info") -> None:
        """Add what keeps no rule from running."""
        self._report(mark, code, message, severity)

    def add(self, findings: Iterable[Finding], path: Path) -> None:
        """Add what was found in the text at ``path``."""
        for found in findings:
            if self._tells(found.severity):
                mark = self.inside(path, found.start)
                self._report(mark, found.code, found.message, found.severity)

    @property
    def full(self) -> bool:
        """Has it so many mistakes that no more are told?"""
        return self._mistakes >= MOST_FOUND

    def _tells(self, severity: Severity) -> bool:
        return (self._mistakes if severity == "error" else self._notices) < MOST_FOUND

    def _report(self, mark: Mark, code: str, message: str, severity: Severity) -> None:
        if not self._tells(severity):
            return
        if severity == "error":
            self._mistakes += 1
            if self.full:
                code, message = "E506", f"more than {MOST_FOUND - 1} mistakes: the rest is not told"
        else:
            self._notices += 1
            if self._notices == MOST_FOUND:
                message = f"{message} (and more notices, which are not told)"
        self.diagnostics.append(
            Diagnostic(
                path=self.path,
                line=mark.line,
                column=mark.column,
                code=code,
                severity=severity,
                message=message,
            )
        )

    def build(self, node: yaml.Node, path: Path = ()) -> Any:
        """Turn a YAML node into plain data, remembering every place."""
        self._values[path] = node
        if not isinstance(node, yaml.ScalarNode) and node.tag not in COLLECTIONS:
            return self._refuse_tag(node)
        if isinstance(node, yaml.MappingNode):
            return self._build_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        read = SCALARS.get(node.tag)
        if read is None:
            return self._refuse_tag(node)
        try:
            return read(node.value)
        except ValueError:
            self.report(_start(node), "E500", f"{node.value!r} is not a number to reckon with")
            return None

    def _refuse_tag(self, node: yaml.Node) -> None:
        self.report(_start(node), "E505", f"the YAML tag {node.tag!r} is not allowed here")

    def _build_mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != CORE + "str":
                self.report(_start(key), "E500", "a key must be text (put it in quotes)")
                continue
            name = key.value
            place = (*path, name)
            if name in data:
                first = _start(self._keys[place])
                self.report(_start(key), "E504", f"key {name!r} again; first in line {first.line}")
                continue
            self._keys[place] = key
            data[name] = self.build(value, place)
        return data


def read(path: str, text: str) -> Document:
    """Read one file. What is wrong with it as YAML stands in ``diagnostics``; ``data`` may be None.

    ``path`` is only named, never opened.
    """
    document = Document(path, text)
    try:
        node = compose(text)
    except YamlRefusedError as error:
        document.report(error.mark, error.code, error.message)
        return document
    if node is not None:
        document.data = document.build(node)
    return document


def _start(node: yaml.Node) -> Mark:
    mark = node.start_mark
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    return Mark(mark.line + 1, mark.column + 1 + quoted)


def _raw_offset(raw: str, style: str | None, offset: int) -> int:
    """Return where character ``offset`` is in ``raw``, the scalar as written behind its quote."""
    place = 0
    for _ in range(offset):
        if style == '"' and raw[place : place + 1] == "\\":
            place += _ESCAPE_LENGTHS.get(raw[place + 1 : place + 2], 2)
        elif style == "'" and raw[place : place + 2] == "''":
            place += 2
        else:
            place += 1
    return place
