"""When a rule is evaluated, and the words for lengths of bars that are longer than the log's."""

from typing import Final, Literal, NamedTuple

from whispr_daemon.domain.timeframe import CODE_OF, DAY, NANOS_OF
from whispr_daemon.rules.rule import Evaluate, Inputs, SessionFilter, TickPrice

PERIODS: Final[dict[str, int]] = {
    "1w": 7 * DAY,
    "1mo": 30 * DAY,
    "3mo": 91 * DAY,
    "12mo": 365 * DAY,
}


class Clock(NamedTuple):
    """When a rule is evaluated. Rules with the same clock share their frame and indicators."""

    timeframe: str
    session: SessionFilter
    calendar: str  # empty: each instrument's own
    missing: Literal["skip", "carry"] = "skip"
    evaluate: Evaluate = "bar_close"
    price: TickPrice = "last"
    stale_after: int = 0  # ns, of references; 0: 3 of their bars
    forming: bool = False  # the bar in the making is shown, too: what ``forming`` reads
    at_once: bool = False  # a bar of trades ends with the first trade after it, whoever is late

    @property
    def base(self) -> "Clock":
        """The clock whose bars this one reads: its own, without what concerns its rules alone."""
        at_once = self.at_once or self.evaluate == "tick"  # a tick knows all bars before it
        return Clock(self.timeframe, self.session, self.calendar, self.missing, at_once=at_once)

    @property
    def length(self) -> int:
        """The length of a bar in ns; of a month and longer, about."""
        return PERIODS.get(self.timeframe) or NANOS_OF[CODE_OF[self.timeframe]]

    def spelled(self) -> str:
        """Return the spelling of the clock: the key of its state."""
        return "\x1f".join(map(str, self))


def clock_of(inputs: Inputs, evaluate: Evaluate | None = None) -> Clock:
    """Return the clock of a rule's clauses; ``evaluate`` where a clause says it itself."""
    how = evaluate or inputs.evaluate
    return Clock(
        inputs.timeframe,
        inputs.session,
        inputs.calendar,
        inputs.missing,
        how,
        inputs.price if how == "tick" else "last",
        inputs.stale_after,
    )
