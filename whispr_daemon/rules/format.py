"""Rule files in their canonical order and layout, comments kept.

Blocks of lines are moved and indented anew; within a line spaces behind a key and quotes change.
What was loaded before is loaded after, and every comment is still there: where a step would not
leave that so, it is left out.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import yaml

from whispr_daemon.rules.document.document import read
from whispr_daemon.rules.document.input_keys import INPUTS
from whispr_daemon.rules.document.rule_keys import CLAUSE, RULE
from whispr_daemon.rules.layout import indented, node_of, quoted, scalars, spaced

_LAST: Final = ("then", "on_timeout")  # of a clause: what it does comes after when it does it
_TOP: Final = [key.name for key in RULE]
_INPUTS: Final = [key.name for key in INPUTS]
_CLAUSE: Final = [*(key.name for key in CLAUSE if key.name not in _LAST), *_LAST]
_BLANKS: Final = re.compile(r"\n{3,}")


def formatted(text: str) -> str:
    """Return a file of rules or tests in its canonical layout.

    Ends of lines, blank lines, the order of keys of the rule, its inputs and its clauses, two
    columns a level, one space behind a key, double quotes. A file that is no YAML, or that a change
    would not leave equal, comes back with what could be done.
    """
    best = text
    for step in (_tidied,) if read("", text).diagnostics else _STEPS:
        changed = step(best)
        if changed != best and _equal(text, changed):
            best = changed
    return best


def _equal(before: str, after: str) -> bool:
    """Are the loaded data and the comments the same?"""
    old, new = read("", before), read("", after)
    if [found.code for found in old.diagnostics] != [found.code for found in new.diagnostics]:
        return False
    return bool(_exact(old.data) == _exact(new.data)) and _comments(before) == _comments(after)


def _exact(data: Any) -> Any:
    """Tell 1 from 1.0 and from true, which Python holds equal."""
    if isinstance(data, dict):
        return {key: _exact(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_exact(value) for value in data]
    return type(data), data


def _comments(text: str) -> Counter[str]:
    """Return the comments of a text: what stands behind a # that no scalar has in it."""
    lines = text.splitlines()
    inside = _scalar_lines(text)
    found: Counter[str] = Counter()
    for number, line in enumerate(lines):
        spans = inside.get(number, [])
        for place in re.finditer(r"(?:^|(?<=\s))#", line):
            if not any(start <= place.start() < end for start, end in spans):
                found[line[place.start() :].rstrip()] += 1
                break
    return found


def _scalar_lines(text: str) -> dict[int, list[tuple[int, int]]]:
    spans: dict[int, list[tuple[int, int]]] = {}
    for node in scalars(node_of(text)):
        first, last = node.start_mark, node.end_mark
        for number in range(first.line, last.line + 1):
            start = first.column if number == first.line else 0
            end = last.column if number == last.line else 1 << 30
            if node.style in ("|", ">"):  # the line of the mark itself may have a comment
                if number == first.line:
                    continue
                if number == last.line:
                    end = 0 if last.column == 0 else end
            spans.setdefault(number, []).append((start, end))
    return spans


# ------------------------------------------------------------------ steps
def _tidied(text: str) -> str:
    """Ends of lines, spaces before them, at most one blank line in a row, one end of file."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip("\n") + "\n"


def _ordered_top(text: str) -> str:
    lines = text.splitlines()
    header = next((at for at, line in enumerate(lines) if not line.startswith("#")), 0)
    return _reordered(text, node_of(text), _TOP, (header, len(lines)))


def _ordered_inputs(text: str) -> str:
    root = node_of(text)
    for key, value, end in _entries(root, len(text.splitlines())):
        if key.value == "inputs":
            stop = _stop(text.splitlines(), end)
            return _reordered(text, value, _INPUTS, (key.start_mark.line + 1, stop))
    return text


def _ordered_clauses(text: str) -> str:
    root = node_of(text)
    for key, value, end in _entries(root, len(text.splitlines())):
        if key.value == "logic" and isinstance(value, yaml.SequenceNode) and not value.flow_style:
            starts = [item.start_mark.line for item in value.value]
            lines = text.splitlines()
            stops = [_stop(lines, start) for start in (*starts[1:], end)]
            for place in range(len(starts) - 1, -1, -1):
                node = value.value[place]
                text = _reordered(text, node, _CLAUSE, (starts[place], stops[place]))
    return text


def _entries(node: yaml.Node | None, end: int) -> list[tuple[yaml.ScalarNode, yaml.Node, int]]:
    """Return keys and values of a block mapping, each with the line where the next one begins."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return []
    ends = [key.start_mark.line for key, _ in node.value[1:]] + [end]
    return [(key, value, stop) for (key, value), stop in zip(node.value, ends, strict=True)]


def _reordered(
    text: str, node: yaml.Node | None, order: Sequence[str], span: tuple[int, int]
) -> str:
    """Return the text with the entries of a block mapping in this order; others stay last."""
    first, end = span
    entries = _entries(node, end)
    names = [str(key.value) for key, _, _ in entries]
    wanted = sorted(names, key=_rank(order, names))
    lines = text.splitlines()
    starts = [key.start_mark.line for key, _, _ in entries]
    if wanted == names or len(set(starts)) < len(starts) or not entries:
        return text
    column = entries[0][0].start_mark.column
    head = lines[starts[0]][:column]  # "  - " of a clause
    lines[starts[0]] = " " * column + lines[starts[0]][column:]
    leads = [first if place == 0 else _lead(lines, start) for place, start in enumerate(starts)]
    if not head.strip():
        leads[0] = max(first, _lead(lines, starts[0], first))
    blocks = {
        name: lines[start:stop]
        for name, start, stop in zip(names, leads, [*leads[1:], end], strict=True)
    }
    made = [line for name in wanted for line in blocks[name]]
    if head.strip():
        place = next(at for at, line in enumerate(made) if line.strip() and line.lstrip()[0] != "#")
        made[:place] = [head[: head.index("-")] + line.lstrip() for line in made[:place]]
        made[place] = head + made[place][column:]
    return "\n".join((*lines[: leads[0]], *made, *lines[end:], ""))


def _rank(order: Sequence[str], names: Sequence[str]) -> Callable[[str], tuple[int, int]]:
    def rank(name: str) -> tuple[int, int]:
        known = order.index(name) if name in order else len(order)
        return known, names.index(name)

    return rank


def _stop(lines: Sequence[str], start: int) -> int:
    """Return where what stands before a line ends: without its comments and blank lines."""
    start = _lead(lines, start)
    while start > 0 and not lines[start - 1].strip():
        start -= 1
    return start


def _lead(lines: Sequence[str], start: int, least: int = 0) -> int:
    """Return where the comments begin that stand directly above a line: they belong to it."""
    while start > least and start - 1 < len(lines) and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


_STEPS: Final = (
    _tidied,
    _ordered_top,
    _ordered_inputs,
    _ordered_clauses,
    indented,
    spaced,
    quoted,
    _tidied,
)
