"""A document on the bench: expressions at their places, the signals they ask for."""

from typing import Any, Final, NamedTuple

import msgspec

from whispr_daemon.rules.check.checking import NUMBERS
from whispr_daemon.rules.check.expression import Checked, check, check_condition
from whispr_daemon.rules.check.periods import PeriodRefusedError, nanos
from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import Finding
from whispr_daemon.rules.document.document import Document, Path
from whispr_daemon.rules.nodes import Named, Node, Said
from whispr_daemon.rules.tree import children

_ONCE: Final = ("W202",)  # said of the first place in a file only


class Asked(NamedTuple):
    """A signal that an expression asks for, and where."""

    signal: str
    path: Path
    start: int


class Bench:
    """Checks the expressions of one document and adds what is wrong to its diagnostics."""

    def __init__(self, document: Document) -> None:
        """Take a document whose data is a mapping."""
        self.document = document
        self.data: dict[str, Any] = document.data
        self.asked: list[Asked] = []
        self.emitted: set[str] = set()
        self._told: set[str] = set()

    def condition(self, written: object, path: Path, scope: Scope) -> Node | None:
        """Return the typed tree of a condition; None if there is none or a mistake in it."""
        if not isinstance(written, str) or self.document.full:
            return None
        return self._taken(check_condition(written, scope), path, 0)

    def value(self, written: object, path: Path, scope: Scope, start: int = 0) -> Node | None:
        """Return the typed tree of any expression, which begins at ``start`` of the text."""
        if not isinstance(written, str) or self.document.full:
            return None
        return self._taken(check(written, scope), path, start)

    def number(self, written: object, path: Path, scope: Scope, start: int = 0) -> Node | None:
        """Return the typed tree of an expression that must be a number."""
        node = self.value(written, path, scope, start)
        if node is None or node.type in NUMBERS:
            return node
        message = f"a number is needed here, this is a {node.type}"
        self.find(Finding(start=start + node.start, code="E301", message=message), path)
        return None

    def duration(self, written: object, path: Path, timeframe: str) -> int:
        """Return the ns of a duration, 0 where there is none."""
        if not isinstance(written, str):
            return 0
        try:
            return nanos(written, timeframe)
        except PeriodRefusedError as error:
            self.refuse(path, "E503", str(error))
            return 0

    def refuse(self, path: Path, code: str, message: str) -> None:
        """Report a mistake of the value at ``path``."""
        self.document.report(self.document.value(path), code, message)

    def find(self, finding: Finding, path: Path) -> None:
        """Report what was found in the text at ``path``."""
        self.document.add([finding], path)

    def _taken(self, checked: Checked, path: Path, start: int) -> Node | None:
        for found in checked.findings:
            if found.code in _ONCE and found.code in self._told:
                continue
            self._told.add(found.code)
            moved = msgspec.structs.replace(found, start=start + found.start)
            self.document.add([moved], path)
        if checked.node is not None:
            self.ask(checked.node, path, start)
        return checked.node

    def ask(self, node: Node, path: Path, start: int = 0) -> None:
        """Note the signals that an expression asks for, those of its ``let`` names excepted."""
        todo = [node]
        while todo:
            part = todo.pop()
            if isinstance(part, Said):
                self.asked.append(Asked(part.signal, path, start + part.start))
            elif not isinstance(part, Named) or part.built_in:
                todo += children(part)
