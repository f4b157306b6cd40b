"""One test: run it, compare, and say of every miss what was expected, what came and why."""

from collections.abc import Iterator, Sequence

import numpy as np

from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Audit, Output
from whispr_daemon.rules.golden import invariants
from whispr_daemon.rules.golden.case import Case, WantedSuppression
from whispr_daemon.rules.golden.comparison import Comparison
from whispr_daemon.rules.golden.engine import Make, at_work, said
from whispr_daemon.rules.golden.reasons import Reasons
from whispr_daemon.rules.golden.report import Failure, Result
from whispr_daemon.rules.golden.said import when


def judged(case: Case, make: Make | None = None) -> Result:
    """Run a test. What the engine raises is a failure of the test."""
    try:
        failures = tuple(_failures(case, make or at_work(case)))
    except Exception as error:  # noqa: BLE001 (a test must not end the others)
        failures = (_crash(case, error),)
    return Result(
        rule=case.rule.name,
        name=case.name,
        path=case.path,
        line=case.mark.line,
        column=case.mark.column,
        bars=int((case.rows["kind"] == Kind.BAR).sum()),
        ticks=int(np.isin(case.rows["kind"], (Kind.TRADE, Kind.QUOTE)).sum()),
        failures=failures,
    )


def _failures(case: Case, make: Make) -> Iterator[Failure]:
    whole = said(case, make, case.rows)
    reasons = Reasons(case)
    yield from Comparison(case, whole, reasons).failures()
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
