"""Alert messages: text with ``{expression:format}`` in it."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from whispr_daemon.domain.outputs import Direction
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.parse import parses
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.nodes import Node, Text, Type
from whispr_daemon.rules.spelling import duration

_FORMAT: Final = re.compile(r"[<>=^]?[-+ ]?0?\d{0,2}[,_]?(\.\d{1,2})?[eEfFgG%]?")
_PLAIN: Final = ".10g"  # every digit people write, none of the noise behind them
_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_UNSHAPED: Final = (Type.STR, Type.TIME, Type.DUR)  # no number format is for these
_TRUTH: Final = {1.0: "true", 0.0: "na", -1.0: "false"}


class Field(Value, frozen=True, kw_only=True):
    """One ``{…}``: ``dir``, ``gap``, or an expression and its format."""

    word: str = ""  # dir or gap
    node: Node | None = None
    spec: str = _PLAIN


class Message(Value, frozen=True, kw_only=True):
    """A message as read: texts and fields in turn, beginning and ending with a text."""

    texts: tuple[str, ...]
    fields: tuple[Field, ...]

    def nodes(self) -> Iterator[Node]:
        """Yield the expressions whose values :meth:`text` needs, in order."""
        return (field.node for field in self.fields if field.node is not None)

    def text(self, values: Sequence[float], direction: Direction, *, gap: bool) -> str:
        """Return the message with the values of :meth:`nodes` put in."""
        rest = iter(values)
        parts = [self.texts[0]]
        for field, text in zip(self.fields, self.texts[1:], strict=True):
            if field.node is not None:
                parts.append(_shown(next(rest), field))
            else:
                parts.append(direction if field.word == "dir" else str(gap).lower())
            parts.append(text)
        return "".join(parts)


def read_message(written: str, start: int, scope: Scope) -> tuple[Message, list[Finding]]:
    """Read a message; the findings count from ``start``. With an error among them it is no use.

    Wrong are a brace without its partner, and what is wrong with an expression or a format.
    """
    texts = [""]
    fields: list[Field] = []
    findings: list[Finding] = []
    place = 0
    for piece in _PIECE.finditer(written):
        texts[-1] += written[place : piece.start()]
        place = piece.end()
        if piece[0] in ("{{", "}}"):
            texts[-1] += piece[0][0]
        elif piece[1] is None:
            message = f"a single {piece[0]!r} in a message (write {piece[0] * 2} for the character)"
            findings.append(Finding(start=start + piece.start(), code="E403", message=message))
        else:
            fields.append(_field(piece[1], start + piece.start() + 1, scope, findings))
            texts.append("")
    texts[-1] += written[place:]
    return Message(texts=tuple(texts), fields=tuple(fields)), findings


def _field(written: str, start: int, scope: Scope, findings: list[Finding]) -> Field:
    if written in ("dir", "gap"):
        return Field(word=written)
    expression, colon, spec = written.rpartition(":")
    # 09:30 has a colon, too: such a format is one only where the whole does not parse.
    if colon and ((not spec.isdigit() and _FORMAT.fullmatch(spec)) or not parses(written)):
        if not _FORMAT.fullmatch(spec):
            place = start + len(expression) + 1
            message = f"{spec!r} is not a number format such as .2f"
            findings.append(Finding(start=place, code="E404", message=message))
            return Field()
    else:
        expression, spec = written, _PLAIN
    whole = check(expression, scope)
    findings += (
        msgspec.structs.replace(found, start=start + found.start) for found in whole.findings
    )
    node = whole.node
    if isinstance(node, Text) or (node is not None and spec != _PLAIN and node.type in _UNSHAPED):
        message = f"a message takes values in braces, this is a {node.type}"
        message = f"a format is for numbers, this is a {node.type}" if spec != _PLAIN else message
        findings.append(Finding(start=start, code="E403", message=message))
    return Field(node=node, spec=spec or _PLAIN)


def _shown(value: float, field: Field) -> str:
    kind = Type.NUM if field.node is None else field.node.type
    if kind in (Type.BOOL, Type.EVENT):
        return _TRUTH[value]
    if math.isnan(value):
        return "na"
    match kind:
        case Type.STR:
            return field.node.words[int(value)] if field.node is not None else ""
        case Type.TIME:
            return f"{int(value) // 60:02d}:{int(value) % 60:02d}"
        case Type.DUR:
            return duration(value)
        case _:
            return format(value, field.spec)
