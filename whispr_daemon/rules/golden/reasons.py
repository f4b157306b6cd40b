"""Why a test came out as it did: the evaluated trees around a miss."""

from typing import NamedTuple

from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.golden.case import Case, Expected, WantedValue
from whispr_daemon.rules.golden.engine import rules_engine, said


class Found(NamedTuple):
    """The value of an expression, beside what it was to be."""

    agrees: bool
    wanted: str
    found: str
    why: tuple[str, ...]


class Reasons:
    """Explains one case. The engine is run again for it, with all that it reads written down."""

    def __init__(self, case: Case) -> None:
        """Nothing is run before it is asked for."""
        self._case = case

    def outputs(self) -> list[Output]:
        return said(self._case, rules_engine, self._case.rows)

    def of_missing(self, wanted: Expected) -> tuple[str, ...]:
        """Return why what was expected did not come."""
        return ()

    def of_output(self, output: Output | None) -> tuple[str, ...]:
        """Return why an output came."""
        return ()

    def of_clause(self, clause: str, ts: int, symbol: str | None) -> tuple[str, ...]:
        """Return what a clause was at an evaluation."""
        return ()

    def value(self, wanted: WantedValue) -> Found:
        """Return the value of an expression at an evaluation."""
        return Found(True, "", "", ())
