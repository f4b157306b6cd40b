"""What a name means in one rule: prices, indicators, the level ladder."""

from typing import NamedTuple

from whispr_daemon.rules.diagnostics import Finding, suggestion
from whispr_daemon.rules.functions.function import Accepts, Folded
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.names import (
    DEFAULT_LENGTH,
    LADDER,
    LATER_NAMES,
    LATER_SPACES,
    MAX_LENGTH,
    MODES,
    PRICES,
    SHORTHAND,
    known_names,
    nearest_rung,
)
from whispr_daemon.rules.nodes import Const, Ladder, Level, LevelValue, Node, Price, Series, Type


class Span(NamedTuple):
    """The characters [start, end) of an expression."""

    start: int
    end: int


class Scope(NamedTuple):
    """What the inputs of a rule say about names."""

    timeframe: str = "1m"
    ladder: Ladder = Ladder()
    trigger: float = 0.236


class RefusedError(Exception):
    """An expression means nothing, or something not evaluated yet; ``finding`` says what."""

    def __init__(self, start: int, code: str, message: str) -> None:
        """Carry one finding."""
        super().__init__(message)
        self.finding = Finding(start=start, code=code, message=message)


def not_yet(what: str, start: int) -> RefusedError:
    """Return the refusal of a thing the language has and this version does not evaluate."""
    return RefusedError(start, "E290", f"{what} is not evaluated yet")


def name_node(name: str, span: Span) -> Node:
    """Return what a bare name stands for."""
    lower = name.lower()
    start, end = span
    if lower in PRICES:
        return Price(type=Type.NUM, start=start, end=end, field=PRICES[lower])
    if lower in ("true", "false"):
        value = 1.0 if lower == "true" else -1.0
        return Const(type=Type.BOOL, start=start, end=end, value=value)
    if lower == "na":
        return Const(type=Type.NUM, start=start, end=end, value=float("nan"))
    if lower == "atr":
        return indicator("atr", DEFAULT_LENGTH, span)
    shorthand = SHORTHAND.match(name)
    if shorthand is not None:
        return indicator(shorthand[1].lower(), int(shorthand[2]), span)
    if lower in LATER_NAMES or lower in LATER_SPACES:
        raise not_yet(f"{name!r}", start)
    hint = suggestion(name, known_names())
    raise RefusedError(start, "E201", f"unknown name {name!r}{hint}")


def indicator(name: str, length: int, span: Span, source: Node | None = None) -> Series:
    """Return an indicator; ``source`` is the close where it takes one and none is given."""
    start, end = span
    function = FUNCTIONS.get(name)
    if function is None or not isinstance(function.lowering, Folded):
        raise not_yet(f"the indicator {name.upper()!r}", start)
    if not 1 <= length <= MAX_LENGTH:
        found = f"{name.upper()} of {length} bars; a length is 1 to {MAX_LENGTH}"
        raise RefusedError(start, "E203", found)
    takes_source = any(parameter.accepts is Accepts.NUMBER for parameter in function.takes)
    if source is None and takes_source:
        source = Price(type=Type.NUM, start=start, end=end, field="close")
    return Series(
        type=function.gives,
        start=start,
        end=end,
        function=name,
        numbers=(float(length),),
        source=source,
    )


def atr_node(written: list[str], span: Span, scope: Scope) -> Node:
    """Return what ``atr.…`` stands for; ``written`` is what follows, split at the dots."""
    head, *rest = [part.lower() for part in written]
    if head in MODES:
        if head != "day":
            raise not_yet(f"the ladder 'atr.{head}'", span.start)
        if not rest:
            raise RefusedError(span.start, "E211", "atr.day needs a level, e.g. atr.day.38")
        head, *rest = rest
    spelled = ".".join(("atr", *written))
    sign = _sign(rest, spelled, span)
    if head.lstrip("-").isdigit():
        return _rung(head, sign, spelled, span, scope)
    if head == "trigger":
        return level_node(spelled, (sign or 1) * scope.trigger, span, scope)
    if sign is not None:
        raise RefusedError(span.start, "E211", f"{spelled} has no up and down side")
    if head == "pdc":
        return level_node(spelled, 0.0, span, scope)
    if head in ("value", "pct", "pos"):
        kind = Type.LEVEL if head == "value" else Type.NUM
        name = "atr" if head == "value" else head
        return LevelValue(type=kind, start=span.start, end=span.end, name=name, ladder=scope.ladder)
    known = ("trigger", "pdc", "value", "pct", "pos", "level", *MODES)
    raise RefusedError(span.start, "E211", f"unknown level {spelled!r}{suggestion(head, known)}")


def level_node(name: str, ratio: float, span: Span, scope: Scope) -> Level:
    """Return the day level at a signed ratio of the ATR."""
    return Level(
        type=Type.LEVEL,
        start=span.start,
        end=span.end,
        name=name,
        ratio=ratio,
        ladder=scope.ladder,
    )


def _sign(rest: list[str], spelled: str, span: Span) -> int | None:
    if not rest:
        return None
    if rest in (["up"], ["down"]):
        return 1 if rest == ["up"] else -1
    raise RefusedError(span.start, "E211", f"unknown level {spelled!r} (only .up or .down follows)")


def _rung(head: str, sign: int | None, spelled: str, span: Span, scope: Scope) -> Node:
    ratio = LADDER.get(head.lstrip("-"))
    if ratio is None:
        nearest = nearest_rung(head)
        message = f"{spelled} is not on the ladder (nearest: atr.{nearest})"
        raise RefusedError(span.start, "E212", message)
    if head.startswith("-"):
        if sign is not None:
            raise RefusedError(span.start, "E211", f"{spelled} says its side twice")
        sign = -1
    return level_node(spelled, (sign or 1) * ratio, span, scope)
