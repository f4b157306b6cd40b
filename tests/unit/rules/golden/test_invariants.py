"""Each invariant finds an engine that breaks it, and says at which bar."""

from collections.abc import Iterable

import pytest
from typing_extensions import override

from tests.unit.rules.golden.runs import case_of
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.outputs import Output, Signal
from whispr_daemon.rules.golden.engine import Engine
from whispr_daemon.rules.golden.judging import judged
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings

CASE = case_of('bars: {closes: "9 11 12 11 13"}\nexpect: []')


class Odd:
    """Says UP at every bar later than the last; subclasses break one thing each."""

    def __init__(self, _rule: Rule, _settings: RuleSettings) -> None:
        self.last = 0

    def on_batch(self, batch: Batch) -> Iterable[Output]:
        for ts in batch.rows["ts"].tolist():
            if self.wants(ts, batch):
                yield Signal(name="UP", instrument="SPY", ts_event=ts)
            self.last = max(ts, self.last)

    def wants(self, ts: int, _batch: Batch) -> bool:
        return ts > self.last

    def snapshot(self) -> bytes:
        return str(self.last).encode()

    def restore(self, body: bytes) -> None:
        self.last = int(body)


class LooksAhead(Odd):
    """Says UP where the last bar of the batch is high."""

    @override
    def wants(self, ts: int, batch: Batch) -> bool:
        return ts > self.last and bool(batch.rows["close"][-1] > 12)


class Forgets(Odd):
    """Counts in what is in no snapshot."""

    said = 0

    @override
    def wants(self, ts: int, batch: Batch) -> bool:
        self.said += 1
        return ts > self.last and self.said == 3


class LosesState(Odd):
    """Starts anew after a restart."""

    @override
    def restore(self, body: bytes) -> None:
        self.last = 0


class HearsTwice(Odd):
    """Answers repeats, too."""

    @override
    def wants(self, ts: int, batch: Batch) -> bool:
        return True


def kinds(engine: type[Engine]) -> dict[str, str]:
    found = judged(CASE, engine).failures
    return {failure.kind: failure.got for failure in found if failure.kind != "expect"}


def test_an_engine_that_keeps_them_is_found_to() -> None:
    assert kinds(Odd) == {}


def test_looking_ahead_is_found() -> None:
    assert kinds(LooksAhead)["prefix"] == "it broke at bar 1, SPY 09:31"


def test_state_lost_in_a_restart_is_found() -> None:
    assert kinds(Forgets)["restart"] == "it broke at bar 5, SPY 09:35"
    assert kinds(LosesState)["restart"] == "it broke at bar 1, SPY 09:31"


def test_hearing_a_bar_twice_is_found() -> None:
    found = kinds(HearsTwice)
    assert list(found) == ["duplicates"]
    assert found["duplicates"].startswith("it broke at bar ")


def test_what_an_engine_raises_is_a_failure_of_the_test() -> None:
    class Raises(Odd):
        @override
        def wants(self, ts: int, batch: Batch) -> bool:
            raise RuntimeError("ouch")

    (failure,) = judged(CASE, Raises).failures
    assert (failure.kind, failure.got) == ("crash", "RuntimeError: ouch")


@pytest.mark.parametrize("kind", ["prefix", "restart", "duplicates"])
def test_the_difference_is_shown(kind: str) -> None:
    engines = {"prefix": LooksAhead, "restart": Forgets, "duplicates": HearsTwice}
    found = judged(CASE, engines[kind]).failures
    (failure,) = (one for one in found if one.kind == kind)
    assert any("all rows at once:" in line for line in failure.why)
