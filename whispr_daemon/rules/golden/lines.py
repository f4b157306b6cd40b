"""The lines of a table in a test: each with the date it is of."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from whispr_daemon.rules.golden.notation import NotationError
from whispr_daemon.rules.golden.times import read_date

_WORD: Final = re.compile(r"\S+")


class Line(NamedTuple):
    """A line that says something; places are offsets into the whole text."""

    day: date
    words: Sequence[str]
    at: Sequence[int]  # where each word begins


def dated_lines(text: str, day: date, *, daily: bool = False) -> Iterator[Line]:
    """Yield the lines of a table; a date alone on its line begins a new day.

    A ``#`` and what follows it is passed over. Where lines are ``daily``, each begins with its date
    and needs no time.

    Raises:
        NotationError: something stands beside a date.
    """
    for row in re.finditer(r"[^\n]*", text):
        found = list(_WORD.finditer(row[0].partition("#")[0]))
        if not found:
            continue
        words, at = [word[0] for word in found], [row.start() + word.start() for word in found]
        named = read_date(words[0])
        if named is not None:
            day = named
        if named is None or (daily and len(words) > 1):
            yield Line(day, words, at)
        elif len(words) > 1:
            raise NotationError(at[1], "a date stands alone on its line, what is of it under it")


def number(text: str) -> float | None:
    """Return a finite number, None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
