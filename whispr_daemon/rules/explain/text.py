"""An explanation as lines of text."""

from collections.abc import Iterator, Sequence

from whispr_daemon.rules.explain.explanation import Explanation, Told

_DIGITS = 15  # "sha256:" and 8 of the hash
_LONG = 60  # characters: what is longer is not padded to


def lines(explanation: Explanation) -> list[str]:
    """Return the header, the tree, what is beside it, the actions."""
    return [header(explanation), *body(explanation)]


def header(explanation: Explanation) -> str:
    """Return who, where, when and what came of it."""
    outcome = {"fired": "FIRED", "suppressed": "SUPPRESSED", "no": "NO"}[explanation.outcome]
    detail = explanation.kind if explanation.outcome == "fired" else explanation.reason
    parts = (
        explanation.rule,
        explanation.version[:_DIGITS],
        explanation.clause,
        explanation.symbol,
        explanation.time,
        f"{outcome} ({detail})",
    )
    return "  ".join(parts)


def body(explanation: Explanation) -> list[str]:
    """Return all but the header."""
    found: list[str] = []
    beside = [fact for fact in explanation.facts if fact.startswith("dir=")]
    for place, top in enumerate(explanation.tree):
        tail = f", {beside[0]}" if beside and place == 0 else ""
        found.append(f"{top.text} = {top.shown}{tail}{_beside(top)}")
        found += _below(top.operands, 1)
    if explanation.because:
        found.append(f"because: {explanation.because}")
    found += [fact for fact in explanation.facts if fact not in beside]
    if explanation.actions:
        found.append(f"actions: {'; '.join(explanation.actions)}")
    return found


def _below(operands: Sequence[Told], depth: int) -> Iterator[str]:
    names = [len(one.text) for one in operands if len(one.text) <= _LONG]
    values = [len(one.shown) for one in operands]
    for one in operands:
        name = one.text.ljust(max(names, default=0))
        rest = _beside(one)
        value = one.shown.ljust(max(values, default=0)) if rest else one.shown
        yield f"{'  ' * depth}{name} = {value}{rest}"
        yield from _below(one.operands, depth + 1)


def _beside(one: Told) -> str:
    previous = f"previous {one.previous}" if one.previous else ""
    note = f"({one.note})" if one.note else ""
    words = "   ".join(filter(None, (previous, note)))
    return f"   {words}" if words else ""
