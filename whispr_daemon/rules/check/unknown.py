"""What to say of a name that means nothing: what it may have been meant to be."""

from collections.abc import Sequence

from whispr_daemon.rules.check.checking import Checking
from whispr_daemon.rules.check.elsewhere import name_elsewhere
from whispr_daemon.rules.check.parse_tree import Segment
from whispr_daemon.rules.check.scope import RefusedError, Span
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.functions.function import Composed, Function
from whispr_daemon.rules.names import (
    CLOCK,
    PORTFOLIO,
    PRICES,
    RESERVED,
    SESSIONS,
    SHORTHAND,
    SPACES,
    known_names,
)


def unknown(checking: Checking, written: Sequence[Segment], span: Span) -> RefusedError:
    """Return what is wrong with a name, all that is behind its dots included."""
    head, *rest = written
    word = head.word.lower()
    function = checking.scope.functions.get(word)
    if function is not None and (not function.hidden or checking.defined is not None):
        return RefusedError(span.start, "E221", _called(function))
    if rest and (word in (*PRICES, *CLOCK, *RESERVED) or SHORTHAND.fullmatch(word)):
        behind = f"nothing stands behind the dot of {head.word!r}"
        levels = " (levels are written atr.38)" if rest[0].word.lstrip("-").isdigit() else ""
        return RefusedError(span.start, "E204", f"{behind}{levels}")
    if word in SPACES:
        parts = [name for name in (*SESSIONS, *PORTFOLIO) if name.startswith(f"{word}.")]
        message = f"{head.word!r} alone is no value: {', '.join(parts)}"
        return RefusedError(span.start, "E201", message)
    known = (*known_names(), *checking.scope.vocabulary.words())
    hint = name_elsewhere(word) or suggestion(head.word, known)
    if rest and not hint:
        hint = f" (other symbols are named in inputs.refs: {{{word}: {word.upper()}}})"
    return RefusedError(span.start, "E201", f"unknown name {head.word!r}{hint}")


def _called(function: Function) -> str:
    """Return how a function is called that stands without its arguments."""
    takes = ", ".join(parameter.name for parameter in function.takes)
    parts = function.lowering.parts if isinstance(function.lowering, Composed) else {}
    part = next((f".{name}" for name in parts if name), "")
    short = f"{function.name.upper()}20"
    instead = f", or {short}" if SHORTHAND.fullmatch(short) else ""
    return f"{function.name} is a function: write {function.name}({takes}){part}{instead}"
