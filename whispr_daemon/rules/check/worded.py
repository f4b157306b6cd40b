"""Texts beside what they are compared with: ``'bull'``, ``'fri'``, ``'2026-06-24'``."""

from datetime import date

from whispr_daemon.rules.check.scope import RefusedError
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.names import WEEKDAYS
from whispr_daemon.rules.nodes import ClockValue, Const, Node, Text, Type


def worded(node: Node, beside: Node) -> Node:
    """Return a text as the number that the value beside it has for that word.

    Raises:
        RefusedError: the value beside it is never this word.
    """
    if not isinstance(node, Text):
        return node
    if beside.type is Type.STR and beside.words:
        place = _place(node, beside.words)
        return Const(
            type=Type.STR, start=node.start, end=node.end, words=beside.words, value=float(place)
        )
    if isinstance(beside, ClockValue) and beside.name in ("weekday", "date"):
        value = _weekday(node) if beside.name == "weekday" else _day(node)
        return Const(type=Type.NUM, start=node.start, end=node.end, value=float(value))
    return node


def _place(text: Text, words: tuple[str, ...]) -> int:
    word = text.value.lower()
    if word not in words:
        hint = suggestion(word, words)
        message = f"{text.value!r} is none of {', '.join(words)}{hint}"
        raise RefusedError(text.start, "E305", message)
    return words.index(word)


def _weekday(text: Text) -> int:
    word = text.value.lower()
    for number, day in enumerate(WEEKDAYS, 1):
        if word in (day, day[:3]):
            return number
    hint = suggestion(word, WEEKDAYS)
    raise RefusedError(text.start, "E305", f"{text.value!r} is no day of the week{hint}")


def _day(text: Text) -> int:
    try:
        day = date.fromisoformat(text.value)
    except ValueError as error:
        message = f"{text.value!r} is no date such as 2026-06-24"
        raise RefusedError(text.start, "E305", message) from error
    return day.year * 10000 + day.month * 100 + day.day
