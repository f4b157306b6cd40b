"""Both parsers of YAML read the same of a file, and say the same of one that is wrong."""

from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from whispr_daemon.rules.document import yaml_core
from whispr_daemon.rules.document.yaml_core import YamlRefusedError, compose

CASES = Path(__file__).parents[1] / "cases"
EXAMPLES = [path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*.yaml"))]
SHORT = "name: a  # b\nlogic:\n  - {if: 'a > 1', then: [\"b\", c d]}\n  - x: |\n      y\n"
PIECES = st.sampled_from(
    [*"$@[](){}:,.-+*/<>=!'\"%#&|~\n\t?\\ ", "38", "null", "- ", "? ", "\n  ", "\r\n", "{a:1}",
     "[a, {b}]", "|\n  x\n", ">-\n x\n\n  z\n", "\x00", "\x85", "\u2028", "\ud800", "\ufeff",
     "---\n", "%YAML 1.1\n", "!!int 3", "!x y", '"\\x41"', " #c", "&a b", "*a", "𝄞", "<<: x",
     "!=x", ": # c\n", '"k":v', '"\\ud83d"', '"\\UFFFFFFFF"']
)  # fmt: skip


def told(text: str, *, quick: bool) -> object:
    """Return all that is read of a text, or what is wrong with it."""
    try:
        return plain(compose(text, quick=quick))
    except YamlRefusedError as error:
        return error.code, error.message, error.mark


def plain(node: yaml.Node | None) -> Any:
    """Return a node as values, with its places."""
    if node is None:
        return None
    where = [(mark.line, mark.column) for mark in (node.start_mark, node.end_mark)]
    if isinstance(node, yaml.ScalarNode):
        return node.tag, node.value, node.style or "", where
    if isinstance(node, yaml.SequenceNode):
        return node.tag, [plain(item) for item in node.value], bool(node.flow_style), where
    assert isinstance(node, yaml.MappingNode)  # there is no fourth kind
    pairs = [(plain(key), plain(value)) for key, value in node.value]
    return node.tag, pairs, bool(node.flow_style), where


TAGGED = ["x: [!=a, b]\n", "!=x!= \n", "a: !=b c\n", "a != b\n"]
EMPTY = ["a: [b: # c\n  ]\n", "a: {b: # c\n  # d\n  , e}\n", "a: # c\nb:\n"]


@pytest.mark.parametrize("text", [*EXAMPLES, *TAGGED, *EMPTY, SHORT, "", "\n", "- " * 30 + "a\n"])
def test_examples(text: str) -> None:
    assert told(text, quick=True) == told(text, quick=False)


@pytest.mark.parametrize("escape", ["\\U00110000", "\\UFFFFFFFF", "\\ud83d", "\\ude80\\ud83d"])
def test_an_escape_that_is_no_character_is_refused_where_it_stands(escape: str) -> None:
    with pytest.raises(YamlRefusedError) as refused:
        compose(f'a: b\nc: "x{escape}"\n')
    assert refused.value.code == "E500"
    assert refused.value.mark.line == 2
    assert "no character" in refused.value.message


def test_who_has_no_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    alone = run_path(yaml_core.__file__)
    assert plain(alone["compose"](SHORT)) == told(SHORT, quick=True)


def test_a_character_may_be_written_in_two_halves_as_json_does() -> None:
    node = compose('"at \\ud83d\\ude80"\n')
    assert isinstance(node, yaml.ScalarNode)
    assert node.value == "at \U0001f680"


@given(st.data())
@settings(max_examples=100)
def test_whatever_stands_in_a_file(data: st.DataObject) -> None:
    text = SHORT
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        drop = data.draw(st.integers(0, 3))
        text = text[:place] + data.draw(PIECES | st.just("")) + text[place + drop :]
    assert told(text, quick=True) == told(text, quick=False)
