"""The short form of ``ops/bench``, which judges no times, and what makes a long one fail."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import peer
from tests.benchmarks.bars import Bars, levels
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.cases import MODULES, UnknownCaseError, cases
from tests.benchmarks.figures import Case, DiffersError, Figure
from tests.benchmarks.linear import Size, each
from tests.benchmarks.peers.serving import KINDS
from tests.benchmarks.report import Found, Report
from tests.benchmarks.said import SETTLED, compare
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.timeframe import DAY, MINUTE

MINUTES = SETTLED + 10
CASE = Case("replay.long", "", lambda _: ())


def test_a_replay_says_what_a_kernel_by_hand_says(repo_root: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    command = [sys.executable, "-m", "tests.benchmarks", "replay.long", "--rows", "3000"]

    ended = subprocess.run(
        [*command, "--repetitions", "1", "--json", str(file), "--folder", str(tmp_path)],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    found = json.loads(file.read_text())
    assert found["verdict"] == "well"
    (case,) = found["cases"]
    figures = {each["what"]: each["value"] for each in case["figures"]}
    assert figures["signals that were the same"] > 20
    expected = {"kernel by hand", "kernels", "rows to outputs", "Parquet to stored signals"}
    assert expected | {"step: levels"} < set(figures)


def bars() -> Bars:
    """Two symbols whose price stands still."""
    still = np.full((MINUTES, 2), 100.0)
    ts = (np.arange(MINUTES) + 1) * MINUTE
    rows = empty_rows(0)
    return Bars(("SPY", "QQQ"), rows, rows, ts, ts // MINUTE, still, still + 1, still - 1)


def walk() -> Bars:
    """Two symbols whose prices wander, too far from their levels to reach them."""
    steps = np.random.default_rng(7).normal(0, 0.01, (3 * MINUTES, 2))
    close, ts = 100 + steps.cumsum(axis=0), (np.arange(3 * MINUTES) + 1) * MINUTE
    rows = empty_rows(0)
    return Bars(("SPY", "QQQ"), rows, rows, ts, ts // DAY, close, close + 9, close - 9)


def test_a_peer_that_can_be_had_here_says_what_the_kernel_by_hand_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "PYTHON", sys.executable)
    (talib,) = (each for each in peer.PEERS if each.module == "talib_peer")
    found = walk()
    found.save(tmp_path)
    with peer.Running(talib, tmp_path) as running:
        for minutes in (2 * MINUTES, len(found.ts)):
            assert running.run(minutes) > 0
            hand = "kernel by hand", by_hand(found, compiled=False)
            theirs = talib.name, running.signals
            assert compare(hand, theirs, found, minutes, talib.kinds) > 20


def test_a_peer_that_cannot_be_had_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "PYTHON", sys.executable)
    absent = peer.Peer("Absent", "absent_peer", "absent")
    with (
        pytest.raises(peer.PeerEndedError, match=r"(?s)Absent ended with 1:.*No module named"),
        peer.Running(absent, tmp_path),
    ):
        pass


def number(minute: int, symbol: int, kind: str) -> int:
    return (minute * 2 + symbol) * len(KINDS) + KINDS.index(kind)


def test_who_says_something_else_is_named_with_the_first_bar() -> None:
    said = [number(SETTLED + n, 1, "up") for n in range(5)]
    silent = np.array([said[0], *said[2:]])
    with pytest.raises(
        DiffersError,
        match=r"ours says up of QQQ at bar 1,002 \(1970-01-01T16:42Z\), csp does not; "
        "so it is with 1 of 5 signals",
    ):
        compare(("ours", np.array(said)), ("csp", silent), bars(), MINUTES)


def test_what_averages_say_before_their_start_is_forgotten_is_not_compared() -> None:
    early, late = number(SETTLED - 1, 0, "up"), number(SETTLED, 0, "down")
    both = np.array([early, late]), np.array([late])
    assert compare(("ours", both[0]), ("csp", both[1]), bars(), MINUTES) == 1


def test_who_makes_averages_alone_is_compared_by_their_turns() -> None:
    ours = np.array([number(SETTLED, 0, "GG_long"), number(SETTLED + 1, 0, "up")])
    assert compare(("ours", ours), ("TA-Lib", ours[1:]), bars(), MINUTES, KINDS[2:]) == 1


def test_levels_are_38_percent_of_the_range_away_from_the_close() -> None:
    days = np.tile(np.array([10.0, 12.0, 9.0, 11.0])[None, :, None], (20, 1, 1))
    above, below = levels(days)
    assert np.isnan(above[12, 0])
    assert above[19, 0] == pytest.approx(11 + 0.382 * 3)
    assert below[19, 0] == pytest.approx(11 - 0.382 * 3)


@pytest.mark.parametrize(
    ("found", "judged", "verdict"),
    [
        (Found(CASE, [Figure("rules", 5, "rows/s", "csp", ratio=9.9, bound=10)]), True, "short"),
        (Found(CASE, [Figure("rules", 5, "rows/s", "csp", ratio=9.9, bound=10)]), False, "well"),
        (Found(CASE, [Figure("rules", 5, "rows/s", "csp", ratio=10, bound=10)]), True, "well"),
        (Found(CASE, [Figure("memory", 5, "GB", bound=4, most=True)]), True, "short"),
        (Found(CASE, [Figure("memory", 4, "GB", bound=4, most=True)]), True, "well"),
        (Found(CASE, (), "ours says up of SPY at bar 7, csp does not"), False, "differs"),
    ],
)
def test_a_run_is_judged_by_its_bounds(found: Found, judged: bool, verdict: str) -> None:
    assert Report("ops/bench", {}, [found], judged).verdict == verdict


def test_what_grows_faster_than_there_is_of_it_is_short_of_its_bound() -> None:
    linear = [Size("10 rules", 10, 5.0), Size("100 rules", 100, 40.0), Size("1,000", 1_000, 440.0)]
    faster = [*linear, Size("10,000", 10_000, 6_000.0)]

    assert [one.value for one in each("a minute", "s", linear)] == [0.5, 0.4, 0.44]
    assert all(one.kept for one in each("a minute", "s", linear))
    assert [one.kept for one in each("a minute", "s", faster)] == [True, True, True, False]


def test_cases_are_named_after_their_modules() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names)
    assert {name.split(".")[0] for name in names} == set(MODULES)
    assert [case.name for case in cases(["replay.real"])] == ["replay.real"]
    assert len(cases(["replay"])) == 3


def test_a_name_that_is_none_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownCaseError, match=r"replays; there are: replay.long, replay.wide"):
        cases(["replays"])
