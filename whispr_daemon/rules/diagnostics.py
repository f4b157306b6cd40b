"""Mistakes of a rule file: where, which code, what was found and what would be right."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Literal, TypeAlias

from typing_extensions import override

from whispr_daemon.domain.value import Value

Severity: TypeAlias = Literal["error", "warning", "info"]


class Diagnostic(Value, frozen=True, kw_only=True):
    """One mistake or notice. ``line`` and ``column`` count from 1."""

    path: str
    line: int
    column: int
    code: str  # E1xx syntax, E2xx names, E3xx types, E4xx actions, E5xx file; W… warnings
    severity: Severity
    message: str

    @override
    def __str__(self) -> str:
        """Return ``path:line:column: CODE message``."""
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.message}"


class Finding(Value, frozen=True, kw_only=True):
    """A diagnostic that knows its place only as an offset into an expression or action."""

    start: int
    code: str
    message: str
    severity: Severity = "error"


def errors(found: Iterable[Diagnostic]) -> Sequence[Diagnostic]:
    """Return those that keep a rule from running."""
    return [diagnostic for diagnostic in found if diagnostic.severity == "error"]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known word closest to ``word``, or nothing."""
    spelled = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), spelled, n=1, cutoff=0.6)
    return f" (did you mean {spelled[close[0]]!r}?)" if close else ""
