"""What is asked like a function and is none: of signals, of forming bars, of other symbols."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias, cast

from lark import Token, Tree

from whispr_daemon.rules.check.checking import Checking
from whispr_daemon.rules.check.clocks import forming
from whispr_daemon.rules.check.parse_tree import span_of
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.nodes import (
    AsOf,
    Call,
    Const,
    Node,
    Not,
    Parameter,
    Price,
    Said,
    Text,
    Type,
)

Question: TypeAlias = Callable[[Checking, list[Tree[Token]], Span], Node | None]
Asked: TypeAlias = Literal["emitted", "since", "count"]

_TYPES: Final[dict[Asked, Type]] = {
    "emitted": Type.EVENT,
    "since": Type.DUR,
    "count": Type.NUM,
}
_SCOPES: Final = ("session", "day")


def _said(question: Asked) -> Question:
    def ask(checking: Checking, given: list[Tree[Token]], span: Span) -> Node | None:
        most = 2 if question == "count" else 1
        if not 1 <= len(given) <= most:
            takes = "1 or 2 arguments" if most == 2 else "1 argument"
            message = f"{question} takes {takes}, not {len(given)}"
            raise RefusedError(span.start, "E221", message)
        signal = _text(checking, given[0])
        if signal is None:
            message = f"{question} takes a signal's name in quotes: {question}('NAME')"
            raise RefusedError(span_of(given[0]).start, "E305", message)
        scope = _scope(checking, given[1]) if len(given) > 1 else "session"
        return Said(
            type=_TYPES[question],
            start=span.start,
            end=span.end,
            question=question,
            signal=signal,
            scope=scope,
        )

    return ask


def _text(checking: Checking, tree: Tree[Token]) -> str | None:
    node = checking.visit(tree) if tree.data == "string" else None
    return node.value if isinstance(node, Text) else None


def _scope(checking: Checking, tree: Tree[Token]) -> Literal["session", "day"] | int:
    """``session``, ``'session'``, ``day`` or ``30m``."""
    start = span_of(tree).start
    word = str(tree.children[0]) if tree.data == "name" else _text(checking, tree)
    if word is not None:
        if word not in _SCOPES:
            hint = suggestion(word, _SCOPES)
            raise RefusedError(start, "E305", f"count takes session, day or a duration{hint}")
        return cast("Literal['session', 'day']", word)
    node = checking.visit(tree) if tree.data in ("duration", "param") else None
    if isinstance(node, Const | Parameter) and node.type is Type.DUR and node.value > 0:
        return int(node.value)
    raise RefusedError(start, "E305", "count takes session, day or a duration")


def _forming(checking: Checking, given: list[Tree[Token]], span: Span) -> Node | None:
    """``forming(EMA13@5m)``."""
    if len(given) != 1:
        raise RefusedError(span.start, "E221", f"forming takes 1 argument, not {len(given)}")
    node = checking.visit(given[0])
    scope = checking.scope
    return None if node is None else forming(node, scope.timeframe, span, scope.functions)


def _sym_ok(checking: Checking, given: list[Tree[Token]], span: Span) -> Node | None:
    """``sym_ok(spy)``: is there a bar of the symbol that is not too old?"""
    scope = checking.scope
    tree = given[0] if len(given) == 1 else None
    alias = str(tree.children[0]) if tree is not None and tree.data == "name" else ""
    symbol = scope.vocabulary.refs.get(alias.lower())
    if symbol is None:
        hint = suggestion(alias, scope.vocabulary.refs)
        message = f"sym_ok takes an alias of inputs.refs{hint}"
        raise RefusedError(span.start, "E305", message)
    scope.ledger.names.add(alias.lower())
    start, end = span
    close = Price(type=Type.NUM, start=start, end=end, field="close")
    there = AsOf(
        type=Type.NUM,
        start=start,
        end=end,
        node=close,
        timeframe=scope.timeframe,
        symbol=symbol,
        alias=alias.lower(),
    )
    missing = Call(type=Type.BOOL, start=start, end=end, function="na", arguments=(there,))
    return Not(type=Type.BOOL, start=start, end=end, operand=missing)


QUESTIONS: Final[dict[str, Question]] = {
    **{asked: _said(asked) for asked in _TYPES},
    "forming": _forming,
    "sym_ok": _sym_ok,
}
