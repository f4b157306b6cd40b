"""Names: ``price``, ``EMA13@5m``, ``close[1]``, ``spy.close``, a rule's own names."""

from typing import Final, NamedTuple, cast

from lark import Token, Tree

from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.check.calls import called, shorthand
from whispr_daemon.rules.check.checking import NUMBERS, TRUTHS, Checking, Reader
from whispr_daemon.rules.check.clocks import Clock, as_of, earlier
from whispr_daemon.rules.check.levels import atr_node
from whispr_daemon.rules.check.parse_tree import Segment, arguments, dotted
from whispr_daemon.rules.check.periods import PeriodRefusedError, timeframe
from whispr_daemon.rules.check.rewrite import relocated
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.check.unknown import unknown
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.names import (
    CLOCK,
    DEFAULT_LENGTH,
    MAX_LENGTH,
    PORTFOLIO,
    PRICES,
    SESSIONS,
    SHORTHAND,
    SIDES,
    SPACES,
)
from whispr_daemon.rules.nodes import (
    ClockValue,
    Const,
    Named,
    Node,
    Parameter,
    PortfolioValue,
    Price,
    SessionValue,
    Type,
    Variable,
)


class _Own(NamedTuple):
    """What a name of the rule's own stands for; None where that has been refused."""

    node: Node | None


def _name(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    return _resolved(checking, [Segment(str(tree.children[0]))], span)


def _called(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    return _resolved(checking, [Segment(str(tree.children[0]), arguments(tree))], span)


def _dotted(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    """``atr.38``, ``atr.level(0.4)``, ``macd(12, 26, 9).hist``, ``spy.ema(close, 21)``."""
    base, segments = dotted(tree)
    if base.data == "name":
        return _resolved(checking, [Segment(str(base.children[0])), *segments], span)
    if base.data == "call":
        head = Segment(str(base.children[0]), arguments(base))
        return _resolved(checking, [head, *segments], span)
    word = segments[0].word
    message = f"'.{word}' stands behind a name or a function, not behind this"
    if base.data == "at_tf":
        message = f"the timeframe comes last: ….{word}@{base.children[1]}"
    raise RefusedError(span.start, "E204", message)


def _resolved(checking: Checking, written: list[Segment], span: Span) -> Node | None:
    """Return what a name, all that is behind its dots, and their arguments stand for."""
    head, *rest = written
    word = head.word.lower()
    if head.arguments is not None:
        return called(checking, word, written, span)
    own = _own(checking, written, span)
    if own is not None:
        return own.node
    if word == "atr" and rest:
        return atr_node(checking, rest, span)
    if rest and word in SPACES:
        return _of_space(checking, written, span)
    function = checking.scope.functions.get(word)
    if function is not None and function.counts[0] == 0 and not function.hidden:
        return called(checking, word, [Segment(head.word, []), *rest], span)  # vwap, ribbon.state
    if rest:
        raise unknown(checking, written, span)
    return _bare(checking, head.word, span)


# ---------------------------------------------------------------- the rule's own
def _own(checking: Checking, written: list[Segment], span: Span) -> _Own | None:
    head, *rest = written
    scope, defined, word = checking.scope, checking.defined, head.word.lower()
    names = scope.vocabulary
    if defined is not None:
        bound = defined.arguments.get(word)
        return None if bound is None else _Own(bound)
    if word in names.refs:
        scope.ledger.names.add(word)
        return _Own(_of_symbol(checking, written, span))
    if word not in names.words():
        return None
    scope.ledger.names.add(word)
    if rest:
        raise RefusedError(span.start, "E204", f"nothing stands behind the dot of {head.word!r}")
    start, end = span
    if word in names.variables:
        return _Own(Variable(type=Type.NUM, start=start, end=end, name=word))
    if word in names.aliases:
        node = names.aliases[word]
        return _Own(node and checking.brought_in(relocated(node, span), span))
    inner = names.lets[word]
    if inner is None:
        return _Own(None)
    checking.brought_in(inner, span)
    node = Named(
        type=inner.type, start=start, end=end, words=inner.words, name=head.word, node=inner
    )
    return _Own(node)


def _of_symbol(checking: Checking, written: list[Segment], span: Span) -> Node | None:
    """``spy.close``, ``spy.atr.38``: the value on the bars of another symbol."""
    head, *rest = written
    scope, alias = checking.scope, head.word.lower()
    if not rest:
        message = f"{head.word!r} is a symbol; say what of it, e.g. {head.word}.price"
        raise RefusedError(span.start, "E201", message)
    node = _resolved(checking, rest, span)
    if node is None:
        return None
    symbol = scope.vocabulary.refs[alias]
    clock = Clock(scope.timeframe, scope.timeframe, symbol, alias)
    return as_of(node, clock, span, scope.functions)


# ---------------------------------------------------------------- the language's
def _of_space(checking: Checking, written: list[Segment], span: Span) -> Node:
    """``session.high``, ``position.qty``, ``opening_range.high(15m)``."""
    name = ".".join(segment.word for segment in written)
    lower, (start, end) = name.lower(), span
    if len(written) > 2 or lower not in (*SESSIONS, *PORTFOLIO):
        hint = suggestion(name, (*SESSIONS, *PORTFOLIO))
        raise RefusedError(start, "E201", f"unknown name {name!r}{hint}")
    given = written[1].arguments
    if lower.startswith("opening_range."):
        minutes = _range_minutes(checking, name, given, span)
        kind = SESSIONS[lower]
        return SessionValue(type=kind, start=start, end=end, name=lower, minutes=minutes)
    if given is not None:
        raise RefusedError(start, "E220", f"unknown function {name!r}; write {name} alone")
    if lower in SESSIONS:
        return SessionValue(type=SESSIONS[lower], start=start, end=end, name=lower)
    kind = PORTFOLIO[lower]
    words = SIDES if kind is Type.STR else ()
    return PortfolioValue(type=kind, start=start, end=end, words=words, name=lower)


def _range_minutes(
    checking: Checking, name: str, given: list[Tree[Token]] | None, span: Span
) -> int:
    node = checking.visit(given[0]) if given and len(given) == 1 else None
    written = isinstance(node, Const | Parameter) and node.type is Type.DUR
    length = cast("Const", node).value if written else 0.0
    if length % MINUTE or not 0 < length <= 24 * 60 * MINUTE:
        message = f"{name} takes how long it is, in minutes: {name}(15m)"
        raise RefusedError(span.start, "E305", message)
    return int(length // MINUTE)


def _bare(checking: Checking, name: str, span: Span) -> Node | None:
    lower, (start, end) = name.lower(), span
    if lower in PRICES:
        tick = lower == "price" and checking.scope.evaluate == "tick"
        field = "price" if tick else PRICES[lower]
        return Price(type=Type.NUM, start=start, end=end, field=field)
    if lower in ("true", "false"):
        value = 1.0 if lower == "true" else -1.0
        return Const(type=Type.BOOL, start=start, end=end, value=value)
    if lower == "na":
        return Const(type=Type.NUM, start=start, end=end, value=float("nan"))
    if lower in CLOCK:
        return ClockValue(type=CLOCK[lower], start=start, end=end, name=lower)
    if lower == "atr":
        return shorthand(checking, "atr", DEFAULT_LENGTH, span)
    found = SHORTHAND.fullmatch(name)
    if found is not None:
        return shorthand(checking, found[1].lower(), int(found[2][:9]), span)
    raise unknown(checking, [Segment(name)], span)


# ---------------------------------------------------------------- other clocks
def _at_timeframe(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    inner, written = cast("tuple[Tree[Token], Token]", tuple(tree.children))
    scope = checking.scope
    try:
        on = timeframe(str(written), scope.timeframe)
    except PeriodRefusedError as error:
        raise RefusedError(written.start_pos or span.start, "E307", str(error)) from error
    node = checking.visit(inner)
    if node is None:
        return None
    return as_of(node, Clock(scope.timeframe, on), span, scope.functions)


def _history(checking: Checking, tree: Tree[Token], span: Span) -> Node | None:
    inner, back = cast("tuple[Tree[Token], Token]", tuple(tree.children))
    node = checking.visit(inner)
    if node is not None and node.type not in NUMBERS:
        hint = f"; write if(condition, 1, 0)[{back}] == 1" if node.type in TRUTHS else ""
        message = f"[…] needs a number here, this is a {node.type}{hint}"
        raise RefusedError(node.start, "E301", message)
    if not (back.isdigit() and len(back) < 9) or int(back) > MAX_LENGTH:
        message = f"[{back}]: bars back are a whole number, at most {MAX_LENGTH}"
        raise RefusedError(span.start, "E305", message)
    if node is None or int(back) == 0:
        return node
    return earlier(node, int(back), span, checking.scope.functions)


READERS: Final[dict[str, Reader]] = {
    "name": _name,
    "call": _called,
    "attr": _dotted,
    "method": _dotted,
    "at_tf": _at_timeframe,
    "hist": _history,
}
