"""Series of prices in promtool's notation: ``607 608+0.5x3 _ 610x2``."""

import math
import re
from collections.abc import Iterator
from typing import Final

MAX_BARS: Final = 20_000  # of one series
_DIGITS: Final = 10  # 600 + 3 * 0.1 is 600.3

_WORD: Final = re.compile(r"\S+")
_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
_VALUE: Final = re.compile(
    rf"(?P<first>-?{_NUMBER})(?:(?P<step>[+-]{_NUMBER})x(?P<steps>[0-9]+)|x(?P<more>[0-9]+))?"
)
_MISSING: Final = re.compile(r"_(?:x(?P<more>[0-9]+))?")


class NotationError(Exception):
    """A word of a text about bars means nothing; ``offset`` is where it begins."""

    def __init__(self, offset: int, message: str) -> None:
        """Carry the place and what is wrong."""
        super().__init__(message)
        self.offset = offset


def closes(text: str) -> list[float | None]:
    """Return the values of a series; None stands for a bar that is missing.

    ``a`` is one value; ``axn`` a and n more of it; ``a+bxn`` and ``a-bxn`` a and n more, each b
    further; ``_`` no bar, ``_xn`` n of them.

    Raises:
        NotationError: a word is none of these, no price, or there are too many bars.
    """
    found: list[float | None] = []
    for word in _WORD.finditer(text):
        values = _values(word)
        if len(found) + values[1] > MAX_BARS:
            raise NotationError(word.start(), f"more than {MAX_BARS:,} bars")
        found += values[0]
    return found


def _values(word: re.Match[str]) -> tuple[Iterator[float | None], int]:
    missing = _MISSING.fullmatch(word[0])
    if missing is not None:
        count = _count(word, missing["more"] or "1")
        return iter([None] * count), count
    value = _VALUE.fullmatch(word[0])
    if value is None:
        known = "a, axn, a+bxn, a-bxn, _ or _xn"
        raise NotationError(word.start(), f"{word[0]!r} is no series of prices ({known})")
    count = 1 + _count(word, value["steps"] or value["more"] or "0")
    first, step = float(value["first"]), float(value["step"] or 0)
    last = first + step * (count - 1)
    if min(first, last) <= 0 or not math.isfinite(first + last):
        raise NotationError(word.start(), f"{word[0]!r}: a price must be above 0")
    return (round(first + step * at, _DIGITS) for at in range(count)), count


def _count(word: re.Match[str], written: str) -> int:
    if len(written) > len(str(MAX_BARS)) or int(written) > MAX_BARS:
        raise NotationError(word.start(), f"{word[0]!r}: more than {MAX_BARS:,} bars")
    return int(written)
