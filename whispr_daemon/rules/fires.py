"""What rules said last of each instrument: what a correction of a bar is to be told of."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from whispr_daemon.domain.outputs import Alert, Audit, Draft, Output, Signal
from whispr_daemon.domain.timeframe import CODE_OF, NAME_OF, NANOS_OF
from whispr_daemon.rules.columns.corrections import Corrected
from whispr_daemon.rules.columns.saved import Fired
from whispr_daemon.rules.drafts import Drafted
from whispr_daemon.rules.rule import Rule

KEPT: Final = 32  # of an instrument
_HEARD: Final = (Signal, Alert)


Said: TypeAlias = Mapping[str, Sequence[Fired]]


class Fires:
    """The last signals and alerts by instrument."""

    def __init__(self, known: Said | None = None) -> None:
        """``known`` is an earlier :meth:`known`."""
        self._of: dict[str, deque[Fired]] = {
            symbol: deque((Fired(*one) for one in fires), KEPT)
            for symbol, fires in (known or {}).items()
        }

    def known(self) -> dict[str, tuple[Fired, ...]]:
        """Return all that is kept."""
        return {symbol: tuple(fires) for symbol, fires in self._of.items()}

    def note(self, said: Iterable[Output]) -> None:
        """Keep the signals and alerts of instruments among what was said."""
        for one in said:
            if isinstance(one, _HEARD) and one.instrument:
                kept = self._of.setdefault(one.instrument, deque(maxlen=KEPT))
                kept.append(Fired(one.ts_event, one.origin, one.name, one.price))

    def note_drafted(self, said: Iterable[Drafted]) -> None:
        """Do the same with what was written down already."""
        for _, outputs, price in said:
            for one in outputs:
                if not isinstance(one, Draft):
                    self.note([one])
                elif one.kind == "signal":
                    kept = self._of.setdefault(one.instrument, deque(maxlen=KEPT))
                    kept.append(Fired(one.ts_event, one.origin, one.name, price))

    def concerned(
        self, rules: Iterable[Rule], symbol: str, now: Corrected, was: Corrected | None
    ) -> Iterator[Audit]:
        """Yield one line for each rule that fired at the end of a bar which is corrected now.

        Where the rule's own bars are longer it is the bar that this one is part of.
        """
        for rule in rules:
            length = NANOS_OF[CODE_OF[rule.inputs.timeframe]]
            refers = symbol in rule.inputs.refs.values()
            for instrument, fires in self._of.items():
                then = [
                    one
                    for one in fires
                    if one.rule == rule.name
                    and 0 <= one.ts - now.ts < length
                    and (instrument == symbol or refers)
                ]
                if then:
                    same = instrument == symbol and NAME_OF[now.timeframe] == rule.inputs.timeframe
                    before = was.close if was else then[0].price if same else None
                    yield _line(rule, (instrument, then), (symbol, now), before)


def _line(
    rule: Rule, said: tuple[str, Sequence[Fired]], of: tuple[str, Corrected], before: float | None
) -> Audit:
    instrument, fires = said
    symbol, now = of
    names = list(dict.fromkeys(one.name for one in fires))
    timeframe = NAME_OF[now.timeframe]
    was = "" if before is None else f", it was {before:.10g}"
    return Audit(
        name="correction",
        message=(
            f"a {timeframe} bar of {symbol} was corrected: its close is {now.close:.10g}{was}; "
            f"{', '.join(names)} stands"
        ),
        instrument=instrument,
        ts_event=fires[0].ts,
        data={
            "symbol": symbol,
            "timeframe": timeframe,
            "bar": now.ts,
            "close": now.close,
            "was": before,
            "stands": names,
        },
        origin=rule.name,
        version=rule.version,
    )
