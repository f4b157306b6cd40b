"""Steps of the canonical layout that rewrite lines: indentation, spaces behind keys, quotes.

Each returns a text that may mean something else where YAML is written in an unusual way: who calls
them looks whether it does.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import yaml

from whispr_daemon.rules.document.yaml_core import YamlRefusedError, compose

_STEP: Final = 2  # columns a level


class _Begins(NamedTuple):
    """A key or a dash: where it stands and where it is to stand."""

    line: int
    old: int
    new: int
    dash: bool


def node_of(text: str) -> yaml.Node | None:
    """Return the nodes of a text, None if it is no YAML."""
    try:
        return compose(text)
    except YamlRefusedError:
        return None


def scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield all scalars below a node, in order."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from scalars(key)
            yield from scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from scalars(item)


# ------------------------------------------------------------------ indentation
def indented(text: str) -> str:
    """Return a text whose blocks are indented by two columns a level."""
    lines = text.split("\n")
    begins: dict[int, list[_Begins]] = {}
    for one in _begins(node_of(text), 0):
        begins.setdefault(one.line, []).append(one)
    made: list[str] = []
    shift = 0  # of what goes on from the line before
    for number, line in enumerate(lines):
        here = begins.get(number)
        if here is not None:
            made.append(_line(line, here))
            shift = here[-1].new - here[-1].old
        elif not line.strip():
            made.append(line)
        elif line.lstrip().startswith("#"):
            made.append(_comment(line, number, begins))
        else:
            indent = len(line) - len(line.lstrip())
            made.append(" " * max(0, indent + shift) + line.lstrip())
    return "\n".join(made)


def _begins(node: yaml.Node | None, column: int) -> Iterator[_Begins]:
    """Yield the keys and dashes of blocks; the block is to begin at a column."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        for key, value in node.value:
            yield _Begins(key.start_mark.line, key.start_mark.column, column, dash=False)
            yield from _begins(value, column + _STEP)
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        for item in node.value:
            yield _Begins(item.start_mark.line, node.start_mark.column, column, dash=True)
            yield from _begins(item, column + _STEP)


def _line(line: str, here: Sequence[_Begins]) -> str:
    """Return a line whose keys and dashes stand where they are to stand."""
    last = here[-1]
    rest = line[last.old :]
    if last.dash:
        rest = f"- {rest[1:].lstrip()}" if rest[1:].strip() else rest
    dashes = "- " * sum(one.dash for one in here[:-1])
    return " " * here[0].new + dashes + rest


def _comment(line: str, number: int, begins: dict[int, list[_Begins]]) -> str:
    """Indent a comment as what follows it, or as what stood in its column before."""
    old = len(line) - len(line.lstrip())
    after = next((begins[at] for at in sorted(begins) if at > number), None)
    if after is not None and after[0].old == old:
        return " " * after[0].new + line.lstrip()
    before = [one for at in sorted(begins) if at < number for one in begins[at] if one.old == old]
    if before:
        return " " * before[-1].new + line.lstrip()
    return line if after is None else " " * after[0].new + line.lstrip()


# ------------------------------------------------------------------ spaces and quotes
def spaced(text: str) -> str:
    """Return a text with one space between a key of a block and its value."""
    lines = text.split("\n")
    for key, value in _pairs(node_of(text)):
        end, start = key.end_mark, value.start_mark
        same = end.line == start.line
        between = lines[end.line][end.column : start.column] if same else ""
        if same and between.strip() == ":" and value.start_mark != value.end_mark:
            line = lines[end.line]
            lines[end.line] = f"{line[: end.column]}: {line[start.column :]}"
    return "\n".join(lines)


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        for key, value in node.value:
            yield key, value
            yield from _pairs(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _pairs(item)


def quoted(text: str) -> str:
    """Return a text with double quotes where single ones quote nothing that needs them."""
    lines = text.split("\n")
    for node in scalars(node_of(text)):
        start, end = node.start_mark, node.end_mark
        plain = not set("\\\"'") & set(node.value)
        if node.style == "'" and start.line == end.line and plain:
            line = lines[start.line]
            within = line[start.column + 1 : end.column - 1]
            lines[start.line] = f'{line[: start.column]}"{within}"{line[end.column :]}'
    return "\n".join(lines)
