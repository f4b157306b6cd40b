"""Prices in promtool's notation."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.rules.golden.notation import NotationError, closes


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("607 608.5", [607, 608.5]),
        ("600+0.1x3", [600, 600.1, 600.2, 600.3]),
        ("99.5-0.5x2", [99.5, 99, 98.5]),
        ("22x2 19", [22, 22, 22, 19]),
        ("1 _ 2 _x2 3", [1, None, 2, None, None, 3]),
        (" 1\n  2 ", [1, 2]),
    ],
)
def test_words_are_values(text: str, values: list[float | None]) -> None:
    assert closes(text) == values


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("1 x", 2, "'x' is no series"),
        ("1 2+x3", 2, "no series"),
        ("0", 0, "above 0"),
        ("3 2-1x3", 2, "above 0"),
        ("-5", 0, "above 0"),
        ("1x99999999999999999999999", 0, "more than 20,000 bars"),
        ("1x15000 1x15000", 8, "more than 20,000 bars"),
    ],
)
def test_what_is_no_word_is_refused_at_its_place(text: str, offset: int, words: str) -> None:
    with pytest.raises(NotationError, match=words) as raised:
        closes(text)
    assert raised.value.offset == offset


@given(st.text(alphabet="0123456789.+-x_ \n", max_size=30))
def test_no_text_raises_anything_else(text: str) -> None:
    found: list[float | None] = []
    with contextlib.suppress(NotationError):
        found = closes(text)
    assert all(value is None or value > 0 for value in found)
