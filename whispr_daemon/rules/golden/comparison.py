"""What came out beside what was expected: complete and in order; every miss with its reason."""

from collections.abc import Iterator, Sequence
from typing import Final

from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.golden.alignment import aligned
from whispr_daemon.rules.golden.case import Case, Expected
from whispr_daemon.rules.golden.reasons import Reasons
from whispr_daemon.rules.golden.report import Failure
from whispr_daemon.rules.golden.said import (
    answers,
    differences,
    expected_in_words,
    matches,
    output_in_words,
    when,
)

_REASONED: Final = 8  # misses of a test that are told with their reasons


class Comparison:
    """The outputs of one case against its ``expect``."""

    def __init__(self, case: Case, whole: Sequence[Output], reasons: Reasons) -> None:
        """``whole`` is all that the engine said."""
        self._case = case
        self._got = [output for output in whole if answers(case, output)]
        self._reasons = reasons
        self._told: set[tuple[str, ...]] = set()

    def failures(self) -> Iterator[Failure]:
        """Yield each miss: what was expected with what came in its place."""
        wanted = self._case.expect
        if wanted is None:
            return
        pairs = aligned(wanted, self._got, lambda one, other: matches(one, other, self._case))
        missed = [wanted[one] for one, other in pairs if one is not None and other is None]
        extra = [self._got[other] for one, other in pairs if other is not None and one is None]
        told = 0
        while missed or extra:
            one = missed.pop(0) if missed else None
            other = extra.pop(0) if one is None else self._instead(one, extra)
            told += 1
            yield self._failure(one, other, reasoned=told <= _REASONED)

    def _instead(self, wanted: Expected, extra: list[Output]) -> Output | None:
        """Take what came at the time of what was expected and is most like it.

        If there is none, take the same at the nearest other time.
        """
        case = self._case
        near = [output for output in extra if output.ts_event == wanted.ts]
        near.sort(key=lambda output: len(differences(wanted, output, case)))
        if not near or len(differences(wanted, near[0], case)) == len(wanted.said):
            near = [output for output in extra if differences(wanted, output, case) == ["at"]]
            near.sort(key=lambda output: abs(output.ts_event - wanted.ts))
        if not near:
            return None
        extra.remove(near[0])
        return near[0]

    def _failure(self, one: Expected | None, other: Output | None, *, reasoned: bool) -> Failure:
        mark = self._case.mark if one is None else one.mark
        why: tuple[str, ...] = ()
        if reasoned:
            why = self._reasons.of_output(other)
            if one is not None and (other is None or other.ts_event != one.ts):
                why = self._reasons.of_missing(one)
        if why in self._told:
            why = ("as above",)
        elif why:
            self._told.add(why)
        return Failure(
            kind="expect",
            line=mark.line,
            column=mark.column,
            expected="nothing more" if one is None else expected_in_words(one, self._case),
            got=self._found(one, other),
            why=why,
        )

    def _found(self, one: Expected | None, other: Output | None) -> str:
        if other is not None:
            words = output_in_words(other, self._case)
            if one is None:
                return words
            wrong = ", ".join(differences(one, other, self._case))
            if wrong == "at":
                wrong = "at, the time of the evaluation: a bar counts at its end"
            return f"{words}   (differs in {wrong or 'its place in the order'})"
        assert one is not None  # noqa: S101 (one of them is there)
        if any(output.ts_event == one.ts for output in self._got):
            return "nothing more at that time"
        return f"nothing at {when(one.ts, self._case)}"
