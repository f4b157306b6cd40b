"""One test: run it, compare, and say of every miss what was expected, what came and why."""

from collections.abc import Iterator, Sequence

from whispr_daemon.domain.outputs import Audit, Output
from whispr_daemon.rules.golden import invariants
from whispr_daemon.rules.golden.alignment import aligned
from whispr_daemon.rules.golden.case import Case, WantedSuppression
from whispr_daemon.rules.golden.engine import Make, rules_engine, said
from whispr_daemon.rules.golden.reasons import Reasons
from whispr_daemon.rules.golden.report import Failure, Result
from whispr_daemon.rules.golden.said import (
    answers,
    differences,
    expected_in_words,
    matches,
    output_in_words,
    when,
)

_SHOWN = 8  # failures of a test that are told with all that belongs to them


def judged(case: Case, make: Make = rules_engine) -> Result:
    """Run a test. What the engine raises is a failure of the test."""
    try:
        failures = tuple(_failures(case, make))
    except Exception as error:  # noqa: BLE001 (a test must not end the others)
        failures = (_crash(case, error),)
    return Result(
        rule=case.rule.name,
        name=case.name,
        path=case.path,
        line=case.mark.line,
        column=case.mark.column,
        bars=len(case.rows),
        failures=failures,
    )


def _failures(case: Case, make: Make) -> Iterator[Failure]:
    whole = said(case, make, case.rows)
    reasons = Reasons(case)
    yield from _unexpected(case, whole, reasons)
    yield from _values(case, reasons)
    yield from _suppressions(case, whole, reasons)
    yield from invariants.broken(case, make, whole)


def _crash(case: Case, error: Exception) -> Failure:
    return Failure(
        kind="crash",
        line=case.mark.line,
        column=case.mark.column,
        expected="the test runs to its end",
        got=f"{type(error).__name__}: {error}",
    )


# ------------------------------------------------------------------ outputs
def _unexpected(case: Case, whole: Sequence[Output], reasons: Reasons) -> Iterator[Failure]:
    if case.expect is None:
        return
    got = [output for output in whole if answers(case, output)]
    pairs = aligned(case.expect, got, lambda one, other: matches(one, other, case))
    missed = [one for one, other in pairs if one is not None and other is None]
    extra = [other for one, other in pairs if other is not None and one is None]
    told = 0
    while missed or extra:
        one, other = _closest(case, got, missed, extra)
        told += 1
        yield _miss(
            case, one, None if other is None else got[other], reasons, detailed=told <= _SHOWN
        )


def _closest(
    case: Case, got: Sequence[Output], missed: list[int], extra: list[int]
) -> tuple[int | None, int | None]:
    """Take the next miss: what was expected, with what came in its place at the same time."""
    assert case.expect is not None  # noqa: S101 (asked only of those)
    if not missed:
        return None, extra.pop(0)
    one = missed.pop(0)
    wanted = case.expect[one]
    near = [place for place in extra if got[place].ts_event == wanted.ts]
    near.sort(key=lambda place: len(differences(wanted, got[place], case)))
    if not near or len(differences(wanted, got[near[0]], case)) == len(wanted.said):
        return one, None
    extra.remove(near[0])
    return one, near[0]


def _miss(
    case: Case, one: int | None, other: Output | None, reasons: Reasons, *, detailed: bool
) -> Failure:
    assert case.expect is not None  # noqa: S101 (asked only of those)
    mark = case.mark if one is None else case.expect[one].mark
    got = "nothing more at that time" if other is None else output_in_words(other, case)
    expected = "nothing more"
    if one is not None:
        wanted = case.expect[one]
        expected = expected_in_words(wanted, case)
        if other is None and not any(output.ts_event == wanted.ts for output in reasons.outputs()):
            got = f"nothing at {when(wanted.ts, case)}"
        if other is not None:
            wrong = ", ".join(differences(wanted, other, case))
            got = f"{got}   (differs in {wrong or 'its place in the order'})"
    why: tuple[str, ...] = ()
    if detailed:
        why = (
            reasons.of_missing(case.expect[one])
            if one is not None and other is None
            else reasons.of_output(other)
        )
    return Failure(
        kind="expect", line=mark.line, column=mark.column, expected=expected, got=got, why=why
    )


# ------------------------------------------------------------------ values and suppressions
def _values(case: Case, reasons: Reasons) -> Iterator[Failure]:
    for wanted in case.values:
        found = reasons.value(wanted)
        if found.agrees:
            continue
        at = when(wanted.ts, case)
        yield Failure(
            kind="value",
            line=wanted.mark.line,
            column=wanted.mark.column,
            expected=f"{at}  {wanted.text} = {found.wanted}",
            got=f"{at}  {wanted.text} = {found.found}",
            why=found.why,
        )


def _suppressions(case: Case, whole: Sequence[Output], reasons: Reasons) -> Iterator[Failure]:
    held = [one for one in whole if isinstance(one, Audit) and one.name == "suppressed"]
    for wanted in case.suppressed:
        if any(_held_back(wanted, one) for one in held):
            continue
        at = when(wanted.ts, case)
        others = [
            f"{when(one.ts_event, case)} {one.data.get('clause')}: {one.data.get('reason')}"
            for one in held
        ]
        words = ", ".join(f"{key} {value}" for key, value in wanted.said.items())
        yield Failure(
            kind="suppressed",
            line=wanted.mark.line,
            column=wanted.mark.column,
            expected=f"{at}  a fire held back ({words})",
            got=f"held back were: {'; '.join(others)}" if others else "nothing was held back",
            why=reasons.of_clause(wanted.said.get("id", ""), wanted.ts, wanted.said.get("symbol")),
        )


def _held_back(wanted: WantedSuppression, found: Audit) -> bool:
    facts = {
        "id": found.data.get("clause"),
        "reason": found.data.get("reason"),
        "symbol": found.instrument,
    }
    return found.ts_event == wanted.ts and all(
        facts[key] == value for key, value in wanted.said.items() if key in facts
    )
