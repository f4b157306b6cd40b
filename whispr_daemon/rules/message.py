"""Alert messages: text with ``{expression:format}`` in it."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from whispr_daemon.domain.outputs import Direction
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.scope import RefusedError, Scope
from whispr_daemon.rules.nodes import Node, Type

_FORMAT: Final = re.compile(r"[<>=^]?[-+ ]?0?\d{0,2}[,_]?(\.\d{1,2})?[eEfFgG%]?")
_PLAIN: Final = ".10g"  # every digit people write, none of the noise behind them
_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
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


def read_message(written: str, start: int, scope: Scope) -> Message:
    """Read a message; ``start`` is the offset of ``written`` for what is found wrong.

    Raises:
        RefusedError: a brace without its partner, a mistake in an expression or format.
    """
    texts = [""]
    fields: list[Field] = []
    place = 0
    for piece in _PIECE.finditer(written):
        texts[-1] += written[place : piece.start()]
        place = piece.end()
        if piece[0] in ("{{", "}}"):
            texts[-1] += piece[0][0]
        elif piece[1] is None:
            message = f"a single {piece[0]!r} in a message (write {piece[0] * 2} for the character)"
            raise RefusedError(start + piece.start(), "E403", message)
        else:
            fields.append(_field(piece[1], start + piece.start() + 1, scope))
            texts.append("")
    texts[-1] += written[place:]
    return Message(texts=tuple(texts), fields=tuple(fields))


def _field(written: str, start: int, scope: Scope) -> Field:
    if written in ("dir", "gap"):
        return Field(word=written)
    whole = check(written, scope)  # first without a format: 09:30 has a colon too
    expression, colon, spec = written.rpartition(":")
    if whole.node is None and colon:
        whole = check(expression, scope)
        if not _FORMAT.fullmatch(spec):
            place = start + len(expression) + 1
            message = f"{spec!r} is not a number format such as .2f"
            raise RefusedError(place, "E404", message)
    else:
        spec = _PLAIN
    errors = [finding for finding in whole.findings if finding.severity == "error"]
    if errors:
        raise RefusedError(start + errors[0].start, errors[0].code, errors[0].message)
    node = whole.node
    if node is None or node.type in (Type.STR, Type.TIME, Type.DUR):
        raise RefusedError(start, "E403", "a message takes numbers and conditions in braces")
    return Field(node=node, spec=spec or _PLAIN)


def _shown(value: float, field: Field) -> str:
    if field.node is not None and field.node.type in (Type.BOOL, Type.EVENT):
        return _TRUTH[value]
    return "na" if math.isnan(value) else format(value, field.spec)
