"""Rule files in; checked rules and every mistake out."""

from collections.abc import Mapping, Sequence

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.at_rest import collector_at_rest
from whispr_daemon.rules.check.expression import Checked, check
from whispr_daemon.rules.diagnostics import Diagnostic
from whispr_daemon.rules.document.document import Document, read
from whispr_daemon.rules.document.shape import check_shape
from whispr_daemon.rules.document.yaml_core import Mark
from whispr_daemon.rules.functions.function import Function
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.order import cycles
from whispr_daemon.rules.reader import RuleReader, Surroundings
from whispr_daemon.rules.reading.inputs import Universes
from whispr_daemon.rules.reading.parameters import Overrides
from whispr_daemon.rules.remarks import TESTS_SUFFIX as TESTS_SUFFIX
from whispr_daemon.rules.remarks import check_signals, remark
from whispr_daemon.rules.rule import Evaluate, Rule


class RuleFile(Value, frozen=True):
    """A file as found: its path (named in messages) and its text."""

    path: str
    text: str


class Loaded(Value, frozen=True, kw_only=True):
    """What came of loading some files. A rule with an error is not among ``rules``."""

    rules: tuple[Rule, ...]
    diagnostics: tuple[Diagnostic, ...]  # by file, line, column

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics that keep a rule from running."""
        return tuple(found for found in self.diagnostics if found.severity == "error")


@collector_at_rest()
def load(
    files: Sequence[RuleFile],
    *,
    universes: Universes | None = None,
    functions: Mapping[str, Function] | None = None,
    params: Mapping[str, Overrides] | None = None,
) -> Loaded:
    """Check files, all mistakes of each at once. ``X.test.yaml`` holds only tests.

    ``universes`` are named lists of symbols; ``functions`` those of plug-ins, by name; ``params``
    are values for the parameters of a rule, by the rule's name.
    """
    table = {**FUNCTIONS, **(functions or {})}
    around = Surroundings(functions=table, universes=universes or {})
    documents = [read(file.path, file.text) for file in files]
    readers = [_reader(document, around, params or {}) for document in documents]
    rules: dict[str, Rule] = {}
    at: dict[str, Document] = {}
    for document, reader in zip(documents, readers, strict=True):
        rule = None if reader is None else reader.rule()
        if rule is not None and rule.name in rules:
            other = rules[rule.name].path
            message = f"the rule name {rule.name!r} is taken by {other} already (in {rule.path})"
            document.report(document.value(("name",)), "E507", message)
        elif rule is not None:
            rules[rule.name], at[rule.name] = rule, document
    for circle in cycles(tuple(rules.values())):
        _refuse_circle(circle, at)
        for name in circle:
            del rules[name]
    remark(rules.values(), at, documents)
    check_signals([reader.bench for reader in readers if reader is not None])
    diagnostics = [
        found
        for document in documents
        for found in sorted(document.diagnostics, key=lambda found: (found.line, found.column))
    ]
    return Loaded(rules=tuple(rules.values()), diagnostics=tuple(diagnostics))


def _refuse_circle(circle: tuple[str, ...], at: Mapping[str, Document]) -> None:
    shown = " → ".join((*circle, circle[0]))
    for name in circle:
        document = at[name]
        message = f"rules hear each other's signals in a circle: {shown}"
        document.report(document.value(("name",)), "E602", message)


def check_expression(
    file: RuleFile,
    text: str,
    *,
    functions: Mapping[str, Function] | None = None,
    params: Overrides | None = None,
    evaluate: Evaluate | None = None,
) -> Checked:
    """Check an expression as if it stood in a rule, with the rule's names and inputs.

    It is of bars or of ticks, as the rule says unless it is said here. What is wrong with the file
    itself is not said here.
    """
    document = read(file.path, file.text)
    if not isinstance(document.data, dict):
        document.data = {}
    table = {**FUNCTIONS, **(functions or {})}
    around = Surroundings(functions=table, overrides=params or {})
    return check(text, RuleReader(document, around).scope(evaluate))


def _reader(
    document: Document, around: Surroundings, params: Mapping[str, Overrides]
) -> RuleReader | None:
    if document.data is None:
        if not document.diagnostics:
            document.report(Mark(1, 1), "E502", "the file is empty")
        return None
    tests_only = document.path.endswith(TESTS_SUFFIX)
    check_shape(document, tests_only=tests_only)
    if tests_only or not isinstance(document.data, dict):
        return None
    name = document.data.get("name")
    overrides = params.get(name, {}) if isinstance(name, str) else {}
    return RuleReader(document, around._replace(overrides=overrides))
