"""What is said of strategies that still wait, or were stopped."""

from whispr_daemon.cli.waiting import shortened, stopped, waited_for
from whispr_daemon.domain.partition import partition_of
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.unit import HostReport, HostStatus, UnitReport

END = Position(1, 9)
HOME = partition_of("SPY", 2)  # the partition to which its rows come


def host(*units: UnitReport) -> HostStatus:
    report = HostReport(host_id="h", pid=1, units=units)
    return HostStatus(host_id="h", up=True, report=report)


def unit(partition: int, position: Position, **warmup: str) -> UnitReport:
    words = {name.replace("_", " "): how for name, how in warmup.items()}
    return UnitReport(
        unit_id=f"rules/{partition}",
        partition=partition,
        state="live",
        position=position,
        warmup=words,
    )


def test_what_is_waited_for_is_told_once_by_whom_it_concerns() -> None:
    units = (
        unit(HOME, END, golden_SPY="warming 2/201 daily bars"),
        unit(1 - HOME, END, golden_SPY="warming 0/201 daily bars"),  # it will never come here
    )
    assert waited_for([host(*units)], [END, END]) == ["golden SPY: warming 2/201 daily bars"]


def test_a_strategy_may_wait_for_what_it_likes() -> None:
    units = (unit(0, END, closes="3/21"), unit(1, END, closes="3/21"))
    assert waited_for([host(*units)], [END, END]) == ["closes: 3/21"]


def test_what_was_told_before_all_rows_were_read_does_not_count() -> None:
    early = host(unit(HOME, Position(1, 8), golden_SPY="warming 0/201 daily bars"))
    silent = HostStatus(host_id="other", up=False)
    assert waited_for([early, silent], [END, END]) == []
    assert waited_for([host(unit(0, ORIGIN))], [ORIGIN]) == []


def test_one_reason_is_one_line_however_many_units_it_stopped() -> None:
    quarantined = [
        ("boom/0", "at position 1-5, 2013-10-04T14:35:00+00:00: raised ValueError('x: y')"),
        ("boom/1", "at position 1-7, 2013-10-04T14:36:00+00:00: raised ValueError('x: y')"),
        ("boom/2", "replayed differently: 3 outputs"),
        ("other/0", "at position 1-5: raised KeyError('k')"),
    ]
    assert stopped(quarantined) == [
        "boom is quarantined on 2 partitions: raised ValueError('x: y')"
        " (at position 1-5, 2013-10-04T14:35:00+00:00)",
        "boom is quarantined on 1 partition: replayed differently: 3 outputs",
        "other is quarantined on 1 partition: raised KeyError('k') (at position 1-5)",
    ]


def test_many_lines_are_cut_and_counted() -> None:
    assert shortened([*"abcde"]) == [*"abcde"]
    assert shortened([*"abcdefg"]) == [*"abcde", "… and 2 more"]
