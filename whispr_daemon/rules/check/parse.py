"""Expression text to parse tree (grammar.lark); syntax errors in words."""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Final, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from whispr_daemon.rules.diagnostics import Finding

MAX_CHARACTERS: Final = 2000
MAX_DEPTH: Final = 60

_INSTEAD: Final = {
    "&": "use 'and'",
    "|": "use 'or'",
    "!": "use 'not' or '!='",
    "=": "use '=='",
    "%": "use mod(a, b); a percentage is written 2%",
    "{": "braces belong into messages",
    "^": "there is no power operator",
    "?": "use if(condition, yes, no)",
    "AND": "use 'and'",
    "OR": "use 'or'",
    "NOT": "use 'not'",
    ".": "write 0.38, or atr.38 for a level",
    **dict.fromkeys("\u201c\u201d\u2018\u2019`", "write plain quotes: 'S'"),
}
_WORDS: Final = ("in", "crosses", "above", "below")
# Which digit it is decides nothing in the grammar: rules that differ in numbers are parsed once.
_DIGITS: Final = str.maketrans("123456789", "0" * 9)
_MOST_HELD: Final = 40_000  # characters of their texts; a tree takes a thousand bytes for each
_OTHER_CROSS: Final = re.compile(r"\bcrosses\s+\w+\s*$")

_shapes: dict[str, Tree[Token]] = {}  # by text, all digits 0


class SyntaxRefusedError(Exception):
    """The expression does not parse; ``finding`` says where and why."""

    def __init__(self, finding: Finding) -> None:
        """Carry one finding."""
        super().__init__(finding.message)
        self.finding = finding


def parse(text: str) -> Tree[Token]:
    """Return the parse tree; every subtree has ``meta.start_pos`` and ``end_pos``.

    Raises:
        SyntaxRefusedError: with code E100 (character), E101 (end), E102 (word), E103 (too big).
    """
    if len(text) > MAX_CHARACTERS:
        message = f"an expression of {len(text)} characters; at most {MAX_CHARACTERS} are allowed"
        raise SyntaxRefusedError(Finding(start=0, code="E103", message=message))
    try:
        shape = _shape(text.translate(_DIGITS))
    except SyntaxRefusedError:
        return _parsed(text)  # which says what is wrong with this one
    return _filled(shape, text)


def parses(text: str) -> bool:
    """Is it an expression, whatever it means?"""
    try:
        parse(text)
    except SyntaxRefusedError:
        return False
    return True


@lru_cache(maxsize=256)
def definition(text: str) -> Tree[Token]:
    """Return the parse tree of the definition of a function; it must be right.

    Raises:
        SyntaxRefusedError: it is not.
    """
    return parse(text)


def _shape(text: str) -> Tree[Token]:
    """Return the parse tree of a text; the newest are remembered."""
    known = _shapes.get(text)
    if known is None:
        known = _parsed(text)
        if sum(map(len, [*_shapes, text])) > _MOST_HELD:
            _shapes.clear()
        _shapes[text] = known
    return known


def _filled(shape: Tree[Token], text: str) -> Tree[Token]:
    """Return the parse tree of a text that differs from that of the shape in digits alone."""
    children: list[Token | Tree[Token]] = []
    for child in shape.children:
        if isinstance(child, Tree):
            children.append(_filled(child, text))
        elif "0" in child:
            written = text[child.start_pos : child.end_pos]
            children.append(Token.new_borrow_pos(child.type, written, child))
        else:
            children.append(child)
    return Tree(shape.data, children, shape.meta)


def _parsed(text: str) -> Tree[Token]:
    try:
        tree = _parser().parse(text)
    except UnexpectedToken as error:
        raise SyntaxRefusedError(_unexpected(error.token, text)) from error
    except UnexpectedCharacters as error:
        place = cast("int", error.pos_in_stream)  # lark's own annotation says None
        raise SyntaxRefusedError(_character(text, place)) from error
    _refuse_depth(tree)
    return tree


def _refuse_depth(tree: Tree[Token]) -> None:
    todo = [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            start = node.meta.start_pos
            raise SyntaxRefusedError(
                Finding(start=start, code="E103", message=f"nested more than {MAX_DEPTH} deep")
            )
        todo += ((child, depth + 1) for child in node.children if isinstance(child, Tree))


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = (
        files("whispr_daemon.rules.check").joinpath("grammar.lark").read_text(encoding="utf-8")
    )
    return Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=False,
    )


def _unexpected(token: Token, text: str) -> Finding:
    if token.type == "$END":
        return Finding(start=len(text), code="E101", message="unexpected end of expression")
    found, start = str(token), token.start_pos or 0
    hint = f" ({_INSTEAD[found]})" if found in _INSTEAD else _beside(text, start)
    return Finding(start=start, code="E102", message=f"unexpected {found!r}{hint}")


def _beside(text: str, place: int) -> str:
    """Return what is meant where a word stands in a strange place, or is strange itself."""
    word = text[place:].partition(" ")[0]
    if word.lower() in _WORDS and word != word.lower():
        return f" (use {word.lower()!r})"
    if _OTHER_CROSS.search(text[:place]):
        return " (write crosses, crosses above or crosses below)"
    before = text[:place].rstrip()[-1:]
    if before == "[":
        return " (close[1] is one bar earlier; nothing looks ahead)"
    if before == "@":
        return " (a timeframe is 30s, 1m, 5m, 1h, 1d …)"
    return ""


def _character(text: str, place: int) -> Finding:
    found = text[place]
    hint = f" ({_INSTEAD[found]})" if found in _INSTEAD else ""
    if found == ":" and text[:place][-1:].isdigit():
        hint = " (a time of day is written 09:45)"
    return Finding(start=place, code="E100", message=f"unexpected character {found!r}{hint}")
