"""A daemon dies at every named point, one after the other; it says the same, on both tiers."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.integration.mortals import Mortal, preload
from tests.integration.recordings import record
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server
from whispr_daemon.domain.errors import Fatal
from whispr_daemon.engine import crash

pytestmark = pytest.mark.timeout(300)  # whole daemons, on a machine that has other work, too
QUARANTINE: Final = ("before_quarantine", "after_quarantine", "host_taken_out")
ORDINARY: Final = tuple(each for each in crash.POINTS if each not in QUARANTINE)
FAILING: Final = [
    {"plugin": "ema_cross", "params": {"fast": 3, "slow": 8}},
    {"plugin": "brittle"},
    {"plugin": "deadly"},
]
KILLED: Final = -signal.SIGKILL


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of minute bars, some of them bad."""
    preload()
    return (await record(tmp_path_factory.mktemp("recorded"), sessions=1, bad_every=70)).minutes


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """A Postgres and a Valkey that outlive the daemons on them."""
    folder = Path(tempfile.mkdtemp(prefix="whispr-test-"))  # another user's Postgres can reach it
    postgres, valkey = EmbeddedPostgres(SYSTEM_CLOCK), EmbeddedValkey(SYSTEM_CLOCK)
    yield asyncio.run(postgres.start(folder)), asyncio.run(valkey.start(folder))
    asyncio.run(valkey.stop())
    asyncio.run(postgres.stop())
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def undisturbed(minutes: Path, tmp_path_factory: pytest.TempPathFactory) -> Mortal:
    """A daemon of tier 0 that nobody has disturbed."""
    mortal = Mortal(tmp_path_factory.mktemp("undisturbed"), minutes)
    assert mortal.live() == 0
    return mortal


def test_killed_at_one_point_after_the_other_it_says_the_same(
    undisturbed: Mortal, minutes: Path, tmp_path: Path
) -> None:
    killed = Mortal(tmp_path, minutes)
    assert {point: killed.live(point) for point in ORDINARY} == dict.fromkeys(ORDINARY, KILLED)
    assert killed.live() == 0
    assert killed.said() == undisturbed.said()
    assert killed.delivered() == undisturbed.delivered()
    assert len(set(killed.delivered())) == len(killed.delivered()) > 50


def test_killed_at_one_point_after_the_other_over_valkey_and_postgres_it_says_the_same(
    undisturbed: Mortal, minutes: Path, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    killed = Mortal(tmp_path, minutes).on(*servers)
    ended = {point: killed.live(point) for point in ORDINARY}
    # Whether there is anything to trim before all is read depends on the servers' speed.
    assert {ended.pop("before_trim"), ended.pop("after_trim")} <= {KILLED, 0}
    assert ended == dict.fromkeys(ended, KILLED)
    assert killed.live() == 0
    assert killed.said() == undisturbed.said()
    assert killed.delivered() == undisturbed.delivered()


def test_killed_while_a_unit_is_taken_out_it_is_told_once_and_the_others_say_the_same(
    undisturbed: Mortal, minutes: Path, tmp_path: Path
) -> None:
    killed = Mortal(tmp_path, minutes, strategies=FAILING, deaths=2)
    assert {each: killed.live(each) for each in QUARANTINE} == dict.fromkeys(QUARANTINE, KILLED)
    assert killed.live() == 0
    said = killed.said()
    assert said.quarantined == ["brittle/0", "brittle/1", "deadly/0", "deadly/1"]
    assert len(said.notices) == len(said.quarantined)
    assert said[:2] == undisturbed.said()[:2]
    assert killed.delivered() == sorted([*undisturbed.delivered(), *said.notices])


def test_a_point_passed_before_kills_no_more_and_with_a_mark_only_one_process(
    undisturbed: Mortal, minutes: Path, tmp_path: Path
) -> None:
    killed = Mortal(tmp_path, minutes)
    died, sent = tmp_path / "died", tmp_path / "sent"
    points = f"after_commit:3@{died},after_send@{sent}"
    assert [killed.live(points), killed.live(points), killed.live(points)] == [KILLED, KILLED, 0]
    assert died.exists()
    assert sent.exists()
    assert killed.said() == undisturbed.said()
    assert killed.delivered() == undisturbed.delivered()


def test_every_point_named_is_in_the_engine_once_and_no_other(repo_root: Path) -> None:
    engine = repo_root / "whispr_daemon" / "engine"
    text = "".join(each.read_text() for each in engine.glob("*.py") if each.stem != "crash")
    asked = [part.partition('"')[0] for part in text.split('crash_here("')[1:]]
    assert sorted(asked) == sorted(crash.POINTS)


@pytest.mark.parametrize("wrong", ["nowhere", "before_commit:0", "before_commit:two"])
def test_a_point_that_there_is_not_is_told_with_those_there_are(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(crash.VARIABLE, wrong)
    crash._awaited.cache_clear()
    with pytest.raises(Fatal, match=f"WHISPR_CRASH_AT has '{wrong}'.*POINT:N.*before_commit"):
        crash.crash_here("before_commit")
    crash._awaited.cache_clear()
