"""What is parsed of a text, whatever was parsed before it."""

import pytest
from lark import Token

from whispr_daemon.rules.check import parse as parsing
from whispr_daemon.rules.check.parse import SyntaxRefusedError, parse


def words(text: str) -> list[str]:
    """Return the tokens of a parse tree, in the order of the text."""
    tokens = parse(text).scan_values(lambda each: isinstance(each, Token))
    return [str(token) for token in sorted(tokens, key=lambda token: token.start_pos or 0)]


def test_texts_that_differ_in_digits_keep_their_own() -> None:
    assert words("EMA13 > 1.5 and time < 09:45") == ["EMA13", ">", "1.5", "time", "<", "09:45"]
    assert words("EMA48 > 2.9 and time < 15:30") == ["EMA48", ">", "2.9", "time", "<", "15:30"]
    assert words("$a1[3] + atr.-38 > 'S1'") == ["$a1", "3", "atr", "-38", ">", "'S1'"]
    assert words("$a2[7] + atr.-61 > 'S9'") == ["$a2", "7", "atr", "-61", ">", "'S9'"]


def test_a_mistake_is_told_of_the_text_itself() -> None:
    for number in ("12", "98"):
        with pytest.raises(SyntaxRefusedError) as refused:
            parse(f"close > {number} {number}")
        assert refused.value.finding.message == f"unexpected {number!r}"
        assert refused.value.finding.start == 11


def test_no_more_is_remembered_than_so_many_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "_MOST_HELD", 100)
    monkeypatch.setattr(parsing, "_shapes", {})
    for length in range(2, 90):
        text = " + ".join(["a1"] * (length % 9 + 1))
        assert words(text) == text.split(" + ")
        assert 0 < sum(map(len, parsing._shapes)) <= 100
