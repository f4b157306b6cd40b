"""YAML text in; plain data out, with the line and column of every key and value.

YAML 1.2 core meaning (``16:00``, ``on`` and ``2026-06-24`` stay text). Anchors, aliases, foreign
tags and repeated keys are refused.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import yaml
from typing_extensions import override

from whispr_daemon.rules.diagnostics import Diagnostic

Path: TypeAlias = tuple[str | int, ...]

MAX_CHARACTERS: Final = 256 * 1024
MAX_DEPTH: Final = 24

_CORE: Final = "tag:yaml.org,2002:"
_RESOLVED: Final = (  # what a plain scalar means, by its first character: YAML 1.2, 10.3.2
    ("null", "", r""),
    ("null", "~nN", r"~|null|Null|NULL"),
    ("bool", "tTfF", r"true|True|TRUE|false|False|FALSE"),
    ("int", "-+0123456789", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    (
        "float",
        "-+.0123456789",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
)
_ESCAPE_LENGTHS: Final = {"x": 4, "u": 6, "U": 10}
_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    _CORE + "str": str,
    _CORE + "null": lambda text: None,
    _CORE + "bool": lambda text: text.lower() == "true",
    _CORE + "int": lambda text: int(text, 0) if text[:2] in ("0o", "0x") else int(text),
    _CORE + "float": lambda text: _float(text.lower()),
}


def _float(text: str) -> float:
    if text.endswith(".inf"):
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if text == ".nan" else float(text)


class Mark(NamedTuple):
    """A place in a file, both counted from 1."""

    line: int
    column: int


class Document:
    """The data of one file and the places of its parts."""

    def __init__(self, path: str, text: str) -> None:
        """Start empty; :func:`read` fills it."""
        self.path = path
        self.data: Any = None
        self.diagnostics: list[Diagnostic] = []
        self._lines = text.splitlines()
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
        self.diagnostics.append(
            Diagnostic(
                path=self.path,
                line=mark.line,
                column=mark.column,
                code=code,
                severity="error",
                message=message,
            )
        )

    def build(self, node: yaml.Node, path: Path = ()) -> Any:
        """Turn a YAML node into plain data, remembering every place."""
        self._values[path] = node
        if isinstance(node, yaml.MappingNode):
            return self._build_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        read = _SCALARS.get(node.tag)
        if read is None:
            self.report(_start(node), "E505", f"the YAML tag {node.tag!r} is not allowed here")
            return None
        try:
            return read(node.value)
        except ValueError:
            self.report(_start(node), "E500", f"{node.value!r} is not what its YAML tag says")
            return None

    def _build_mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != _CORE + "str":
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
    if len(text) > MAX_CHARACTERS:
        found = f"{len(text):,} characters; a rule file may have {MAX_CHARACTERS:,}"
        document.report(Mark(1, 1), "E506", found)
        return document
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except _RefusedError as error:
        document.report(error.mark, error.code, error.message)
        return document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(1, 1) if mark is None else Mark(mark.line + 1, mark.column + 1)
        document.report(place, "E500", f"not YAML: {error.problem or error.context}")
        return document
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        document.report(place, "E500", f"not YAML: the character #x{ord(text[error.position]):04x}")
        return document
    finally:
        if loader is not None:
            loader.dispose()
    if node is not None:
        document.data = document.build(node)
    return document


class _RefusedError(Exception):
    """YAML that is valid, and not wanted."""

    def __init__(self, mark: Mark, code: str, message: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.code = code
        self.message = message


def _core_resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return PyYAML's table of resolvers: first character to (tag, pattern)."""
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for kind, first, pattern in _RESOLVED:
        for character in first or ("",):  # PyYAML looks an empty scalar up under ""
            found = (_CORE + kind, re.compile(rf"(?:{pattern})\Z"))
            resolvers.setdefault(character, []).append(found)
    return resolvers


class _Loader(yaml.SafeLoader):
    """SafeLoader with the resolvers of YAML 1.2's core schema, without anchors and aliases."""

    yaml_implicit_resolvers = _core_resolvers()

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node, refusing what a rule file must not have."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        where = self.get_mark() if event.start_mark is None else event.start_mark
        mark = Mark(where.line + 1, where.column + 1)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _RefusedError(mark, "E505", "YAML anchors and aliases are not allowed in rules")
        if self._depth == MAX_DEPTH:
            raise _RefusedError(mark, "E506", f"nested more than {MAX_DEPTH} levels deep")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


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
