"""The graph of rules in the languages of Graphviz and of Mermaid.

Boxes are clauses, diamonds gates, ellipses signals; a dashed arrow leads to who hears a signal.
"""

from collections.abc import Iterator

from whispr_daemon.rules.graph import GATE, Edge, Graph
from whispr_daemon.rules.meaning import clause_in_words
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.spelling import spelling


def as_dot(found: Graph) -> str:
    """Return the graph in Graphviz' language."""
    lines = ["digraph rules {", "  rankdir=LR;", "  node [fontname=monospace];"]
    for number, rule in enumerate(found.rules):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(rule.name)};"]
        for part, text in _parts(rule):
            shape = "diamond" if part == GATE else "box"
            name, label = _quoted(f"{rule.name}/{part}"), _quoted(f"{part}\n{text}")
            lines.append(f"    {name} [shape={shape} label={label}];")
        lines.append("  }")
    lines += [f"  {_quoted(signal)} [shape=ellipse];" for signal in found.signals]
    lines += [f"  {_of(edge)} -> {_quoted(edge.signal)};" for edge in found.says]
    lines += [f"  {_quoted(edge.signal)} -> {_of(edge)} [style=dashed];" for edge in found.hears]
    return "\n".join((*lines, "}", ""))


def as_mermaid(found: Graph) -> str:
    """Return the graph in Mermaid's language, which pages of GitHub and GitLab draw."""
    lines = ["flowchart LR"]
    ids: dict[tuple[str, str], str] = {}
    for number, rule in enumerate(found.rules):
        lines.append(f'  subgraph r{number}["{_entities(rule.name)}"]')
        for part, text in _parts(rule):
            name = ids[rule.name, part] = f"c{len(ids)}"
            label = f'"{_entities(part)}<br/>{_entities(text)}"'
            lines.append(f"    {name}{{{label}}}" if part == GATE else f"    {name}[{label}]")
        lines.append("  end")
    signals = {signal: f"s{number}" for number, signal in enumerate(found.signals)}
    lines += [f'  {name}(["{_entities(signal)}"])' for signal, name in signals.items()]
    lines += [f"  {ids[e.rule, e.clause]} --> {signals[e.signal]}" for e in found.says]
    lines += [f"  {signals[e.signal]} -.-> {ids[e.rule, e.clause]}" for e in found.hears]
    return "\n".join((*lines, ""))


def _parts(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield the gate and the clauses of a rule, each with what it asks."""
    if rule.when is not None:
        yield GATE, spelling(rule.when)
    for clause in rule.clauses:
        said = clause_in_words(clause)
        yield clause.id, said.get("if") or said.get("sequence", "")


def _of(edge: Edge) -> str:
    return _quoted(f"{edge.rule}/{edge.clause}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entities(text: str) -> str:
    """Return a text with Mermaid's spelling of what would end or change a label."""
    marks = {mark: f"#{ord(mark)};" for mark in '#&"<>`'}
    return "".join(marks.get(each, each) for each in text).replace("\n", "<br/>")
