"""``atr.…``: the level ladders and what belongs to them."""

import math

import msgspec
from lark import Token, Tree

from whispr_daemon.rules.check.checking import Checking
from whispr_daemon.rules.check.parse_tree import Segment
from whispr_daemon.rules.check.scope import RefusedError, Scope, Span
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.names import LADDER, MODES, nearest_rung
from whispr_daemon.rules.nodes import Ladder, Level, LevelValue, Mode, Node, Type
from whispr_daemon.rules.tree import constant_value

_VALUES = {"value": "atr", "pct": "pct", "pos": "pos"}


def atr_node(checking: Checking, segments: list[Segment], span: Span) -> Node | None:
    """Return what ``atr.…`` stands for.

    Raises:
        RefusedError: it stands for nothing.
    """
    spelled = ".".join(("atr", *(segment.word for segment in segments)))
    ladder = checking.scope.ladder
    head, *rest = segments
    mode = _mode(head.word.lower())
    if mode is not None:
        ladder = msgspec.structs.replace(ladder, mode=mode)
        if not rest or head.arguments is not None:
            raise RefusedError(span.start, "E211", f"{spelled} needs a level, e.g. {spelled}.38")
        head, *rest = rest
    if head.arguments is not None:
        if head.word.lower() != "level" or rest:
            raise RefusedError(span.start, "E220", f"unknown function {spelled!r}")
        return _at_ratio(checking, spelled, head.arguments, _Place(spelled, span, ladder))
    if any(segment.arguments is not None for segment in rest):
        raise RefusedError(span.start, "E220", f"unknown function {spelled!r}")
    place = _Place(spelled, span, ladder)
    return _plain(head.word.lower(), [one.word.lower() for one in rest], place, checking.scope)


class _Place(msgspec.Struct, frozen=True):
    spelled: str
    span: Span
    ladder: Ladder

    def level(self, ratio: float) -> Level:
        return Level(
            type=Type.LEVEL,
            start=self.span.start,
            end=self.span.end,
            name=self.spelled,
            ratio=ratio,
            ladder=self.ladder,
        )


def _mode(word: str) -> Mode | None:
    return next((mode for mode in MODES if mode == word), None)


def _plain(head: str, rest: list[str], place: _Place, scope: Scope) -> Node:
    spelled, span, ladder = place.spelled, place.span, place.ladder
    sign = _sign(rest, place)
    if head.lstrip("-").isdigit():
        return _rung(head, sign, place)
    if head == "trigger":
        return place.level((sign or 1) * scope.trigger)
    if sign is not None:
        raise RefusedError(span.start, "E211", f"{spelled} has no up and down side")
    if head == "pdc":
        return place.level(0.0)
    if head in _VALUES:
        return LevelValue(
            type=Type.LEVEL if head == "value" else Type.NUM,
            start=span.start,
            end=span.end,
            name=_VALUES[head],
            ladder=ladder,
        )
    known = ("trigger", "pdc", *_VALUES, "level", *MODES)
    raise RefusedError(span.start, "E211", f"unknown level {spelled!r}{suggestion(head, known)}")


def _at_ratio(
    checking: Checking, written: str, given: list[Tree[Token]], place: _Place
) -> Node | None:
    """``atr.level(0.40)``, ``atr.day.level(-1.1)``."""
    if len(given) != 1:
        message = f"{written} takes 1 argument, not {len(given)}"
        raise RefusedError(place.span.start, "E221", message)
    if given[0].data == "kwarg":
        raise RefusedError(place.span.start, "E222", f"{written} takes its ratio without a name")
    ratio = checking.visit(given[0])
    if ratio is None:
        return None
    value = constant_value(ratio)
    if value is None or not math.isfinite(value):
        message = f"{written} takes a ratio written as a number, e.g. {written}(0.40)"
        raise RefusedError(ratio.start, "E305", message)
    return msgspec.structs.replace(place, spelled=f"{written}({value:g})").level(value)


def _sign(rest: list[str], place: _Place) -> int | None:
    if not rest:
        return None
    if rest in (["up"], ["down"]):
        return 1 if rest == ["up"] else -1
    message = f"unknown level {place.spelled!r} (only .up or .down follows)"
    raise RefusedError(place.span.start, "E211", message)


def _rung(head: str, sign: int | None, place: _Place) -> Node:
    ratio = LADDER.get(head.lstrip("-"))
    spelled, start = place.spelled, place.span.start
    if ratio is None:
        before = spelled.lower().partition(f".{head}")[0]
        message = f"{spelled} is not on the ladder (nearest: {before}.{nearest_rung(head)})"
        raise RefusedError(start, "E212", message)
    if head.startswith("-"):
        if sign is not None:
            raise RefusedError(start, "E211", f"{spelled} says its side twice")
        sign = -1
    return place.level((sign or 1) * ratio)
