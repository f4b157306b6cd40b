"""What a host's figures take to gather decides how often that is done; the last ones stand."""

from typing_extensions import override

from tests.simulation.faults import Figures
from whispr_daemon.adapters.clock import ManualClock
from whispr_daemon.domain.unit import HostReport, HostSpec, Sample
from whispr_daemon.engine.host import Host
from whispr_daemon.engine.unit import Unit
from whispr_daemon.engine.watch import Patience, Watch

SPEC = HostSpec(host_id="one", units=())


class Slow(Figures):
    """A registry that takes its time."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds
        self.asked = 0

    @override
    def samples(self) -> tuple[Sample, ...]:
        self.asked += 1
        self._clock.advance(self._seconds)
        return (Sample(family="f", name="f", labels={}, value=float(self.asked)),)


def _none(_: object) -> Unit:
    raise AssertionError("there are no units")


def _told(report: HostReport | None) -> float:
    assert report is not None
    assert report.metrics
    return report.metrics[0].value


def test_figures_that_take_long_are_gathered_seldom_and_the_last_stand_meanwhile() -> None:
    clock = ManualClock()
    slow = Slow(clock, 0.1)
    host, watch = Host(SPEC, _none, clock, slow), Watch(SPEC, 0.0, Patience())
    for _ in range(20):  # ten seconds
        watch.learn(host.report(), clock.monotonic())
        assert _told(watch.report) == 1
        clock.advance(0.5)
    clock.advance(0.1)
    watch.learn(host.report(), clock.monotonic())
    assert _told(watch.report) == slow.asked == 2


def test_figures_that_take_no_time_are_told_with_each_report() -> None:
    clock = ManualClock()
    host = Host(SPEC, _none, clock, Slow(clock, 0.0))
    assert [_told(host.report()) for _ in range(3)] == [1, 2, 3]
