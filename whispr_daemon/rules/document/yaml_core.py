"""YAML text to nodes, with the meaning of YAML 1.2's core schema, without anchors and aliases.

PyYAML has two parsers: one in Python, which says best what is wrong, and libyaml, which is ten
times as quick. The first says what YAML is. The second is asked first, about texts on which both
agree: what it takes, the other would take, too, and what it refuses, the other judges.
"""

import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import yaml
from typing_extensions import override
from yaml.composer import Composer

_WITH_LIBYAML: Final = hasattr(yaml, "CSafeLoader")  # not every build of PyYAML has it
MAX_CHARACTERS: Final = 256 * 1024
MAX_DEPTH: Final = 24
MAX_VALUES: Final = 15_000

CORE: Final = "tag:yaml.org,2002:"
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


def _float(written: str) -> float:
    text = written.lower()
    value = math.inf if text.endswith((".inf", ".nan")) else float(text)
    if not math.isfinite(value):
        raise ValueError(written)
    return value


def _int(written: str) -> int:
    value = int(written, 0) if written[:2] in ("0o", "0x") else int(written)
    if abs(value) >= 2**63:
        raise ValueError(written)
    return value


# Where libyaml and PyYAML differ, or place a node differently: tabs between tokens, ``?`` in flow
# collections, byte order marks, carriage returns, tags, empty values (also those that a comment
# hides), a comment right behind the mark of a block, no line break at the end.
_DISPUTED: Final = re.compile(r"[\t\r?\ufeff]|!(?!=[ \n])|:\s+[\]},#]|[|>][-+0-9]*#|[^\n]\Z")
_HALF: Final = re.compile("[\ud800-\udfff]")  # of a character, as JSON writes those beyond 16 bits
_NO_CHARACTER: Final = "not YAML: an escape that is no character"
COLLECTIONS: Final = (CORE + "map", CORE + "seq")
SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    CORE + "str": str,
    CORE + "null": lambda text: None,
    CORE + "bool": lambda text: text.lower() == "true",
    CORE + "int": _int,
    CORE + "float": _float,
}


class Mark(NamedTuple):
    """A place in a file, both counted from 1."""

    line: int
    column: int


class YamlRefusedError(Exception):
    """A file is not YAML, or not YAML as it is wanted here."""

    def __init__(self, mark: Mark, code: str, message: str) -> None:
        """Say where and why."""
        super().__init__(message)
        self.mark = mark
        self.code = code
        self.message = message


def compose(text: str, *, quick: bool = True) -> yaml.Node | None:
    """Return the node of a file's one document, None if the file is empty.

    The same comes of it, ``quick`` or not.

    Raises:
        YamlRefusedError: with code E500 (not YAML), E505 (anchors), E506 (too big).
    """
    if len(text) > MAX_CHARACTERS:
        found = f"{len(text):,} characters; a rule file may have {MAX_CHARACTERS:,}"
        raise YamlRefusedError(Mark(1, 1), "E506", found)
    if quick and _WITH_LIBYAML and not _DISPUTED.search(text):
        with suppress(yaml.YAMLError, YamlRefusedError, UnicodeError):
            return _Quick(text).get_single_node()
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        found = f"not YAML: {error.problem or error.context}"
        mark = error.problem_mark or error.context_mark
        place = Mark(1, 1) if mark is None else Mark(mark.line + 1, mark.column + 1)
        raise YamlRefusedError(place, "E500", found) from error
    except yaml.reader.ReaderError as error:
        found = f"not YAML: the character #x{ord(text[error.position]):04x}"
        before = text[: error.position]
        place = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise YamlRefusedError(place, "E500", found) from error
    except (ValueError, OverflowError) as error:  # of chr(), which is asked for it
        assert loader is not None  # noqa: S101 (it reads escapes)
        raise _refused(loader.get_mark(), "E500", _NO_CHARACTER) from error
    finally:
        if loader is not None:
            loader.dispose()


def _core_resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return PyYAML's table of resolvers: first character to (tag, pattern)."""
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for kind, first, pattern in _RESOLVED:
        for character in first or ("",):  # PyYAML looks an empty scalar up under ""
            found = (CORE + kind, re.compile(rf"(?:{pattern})\Z"))
            resolvers.setdefault(character, []).append(found)
    return resolvers


class _Composer(Composer):
    """Composes nodes of what a rule file may have: no anchors, no aliases, nothing too big."""

    yaml_implicit_resolvers = _core_resolvers()
    _depth = 0
    _count = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node, refusing what a rule file must not have."""
        event: yaml.Event = self.peek_event()  # type: ignore[attr-defined]
        where = self.get_mark() if event.start_mark is None else event.start_mark  # type: ignore[attr-defined]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refused(where, "E505", "YAML anchors and aliases are not allowed in rules")
        if self._depth == MAX_DEPTH:
            raise _refused(where, "E506", f"nested more than {MAX_DEPTH} levels deep")
        self._count += 1
        if self._count > MAX_VALUES:
            raise _refused(where, "E506", f"more than {MAX_VALUES:,} keys and values")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _refused(where: Any, code: str, message: str) -> YamlRefusedError:
    return YamlRefusedError(Mark(where.line + 1, where.column + 1), code, message)


class _Loader(_Composer, yaml.SafeLoader):
    """The parser in Python."""

    @override
    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        """Compose a scalar; two halves of a character become one."""
        node: yaml.ScalarNode = super().compose_scalar_node(anchor)
        if _HALF.search(node.value):
            try:
                node.value = node.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
            except UnicodeDecodeError as error:
                raise _refused(node.start_mark, "E500", _NO_CHARACTER) from error
        return node


_Libyaml: Any = yaml.CSafeLoader if _WITH_LIBYAML else yaml.SafeLoader


class _Quick(_Composer, _Libyaml):  # type: ignore[misc]
    """libyaml."""

    def __init__(self, text: str) -> None:
        _Libyaml.__init__(self, text)
        Composer.__init__(self)
