"""Where an action stands in its document, and how what is wrong with it is reported."""

from collections.abc import Mapping
from typing import Any

from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import Finding, suggestion
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.reading.bench import Bench

_MOST = 60  # characters of what is shown


class Place:
    """Where an action stands, and what it may speak of."""

    def __init__(self, bench: Bench, path: Path, scope: Scope) -> None:
        """Stand at ``path`` of the document on the bench."""
        self.bench = bench
        self.path = path
        self.scope = scope

    def refuse(self, code: str, message: str, start: int = 0, *keys: str | int) -> None:
        """Report a mistake ``start`` characters into the text at the action, or at keys of it."""
        self.bench.find(Finding(start=start, code=code, message=message), (*self.path, *keys))

    def at(self, *keys: str | int) -> "Place":
        """Return the place of a part of the action."""
        return Place(self.bench, (*self.path, *keys), self.scope)

    def refuse_others(self, written: Mapping[str, Any], known: tuple[str, ...], verb: str) -> None:
        """Report keys that an action has not."""
        for key in written:
            if key not in known and not key.startswith("x-"):
                mark = self.bench.document.key((*self.path, key))
                message = f"unknown key {shortened(key)!r} of {verb}{suggestion(key, known)}"
                self.bench.document.report(mark, "E501", message)


def shortened(written: str) -> str:
    """Return a text as messages show it."""
    return written if len(written) <= _MOST else f"{written[: _MOST - 3]}…"
