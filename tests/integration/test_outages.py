"""What is gone for a while is said on /readyz, in the figures and in the log; nothing is lost.

The long form, a daemon on Ray without each for a minute: ``python -m tests.integration.outages``.
"""

import asyncio
import re
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from tests.chaos.proxy import FaultProxy, NetworkFault
from tests.integration.daemons import until
from tests.integration.mortals import PATIENCE, Mortal, preload
from tests.integration.recordings import record
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server

pytestmark = pytest.mark.timeout(300)  # whole daemons, on a machine that has other work, too
T = TypeVar("T")
PACE: Final = 1_000  # times faster than the market: a session in 23 s, of which most is spare
LOGGED: Final = {"log": {"level": "info"}}


class Network:
    """Proxies on a loop of their own: tests wait for what processes do."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network")
        self._proxies: list[FaultProxy] = []
        self._thread.start()

    def pass_on(self, port: int) -> int:
        """Return a port of this machine whose connections go on to another."""
        self._proxies.append(FaultProxy("127.0.0.1", port))
        return self._wait_for(self._proxies[-1].start())

    def begin(self, place: int, fault: NetworkFault) -> None:
        """Let the way to one server misbehave, by the order in which they were passed on to."""
        self._loop.call_soon_threadsafe(self._proxies[place].begin, fault)

    def end(self, place: int) -> None:
        self._loop.call_soon_threadsafe(self._proxies[place].end)

    def close(self) -> None:
        for proxy in self._proxies:
            self._wait_for(proxy.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class Own:
    """A server that can be taken away."""

    def __init__(self, server: EmbeddedPostgres | EmbeddedValkey, folder: Path) -> None:
        self._server, self._folder = server, folder

    def start(self) -> Server:
        return asyncio.run(self._server.start(self._folder))

    def behind(self, network: Network) -> Server:
        """Start it; return it as it is reached through a proxy."""
        found = self.start()
        place = urlsplit(found.url)
        self.port = network.pass_on(place.port or 0)
        return Server(found.url.replace(f":{place.port}", f":{self.port}"), found.password)

    def stop(self) -> None:
        asyncio.run(self._server.stop())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of minute bars, some of them bad."""
    preload()
    return (await record(tmp_path_factory.mktemp("recorded"), sessions=1, bad_every=70)).minutes


@pytest.fixture(scope="module")
def undisturbed(minutes: Path, tmp_path_factory: pytest.TempPathFactory) -> Mortal:
    """A daemon of tier 0 that has all it needs."""
    mortal = Mortal(tmp_path_factory.mktemp("undisturbed"), minutes)
    assert mortal.live() == 0
    return mortal


@pytest.fixture
def servers() -> Iterator[dict[str, Own]]:
    """What tier 1 has its store and its log in."""
    folder = Path(tempfile.mkdtemp(prefix="whispr-test-"))  # another user's Postgres can reach it
    made = {
        "store": Own(EmbeddedPostgres(SYSTEM_CLOCK), folder),
        "log": Own(EmbeddedValkey(SYSTEM_CLOCK), folder),
    }
    yield made
    for each in made.values():
        each.stop()
    shutil.rmtree(folder)


@pytest.fixture
def network() -> Iterator[Network]:
    """What is between a daemon and its servers."""
    made = Network()
    yield made
    made.close()


def told(mortal: Mortal, *words: str) -> bool:
    """Whether one of its reasons not to be ready has all the words."""
    reasons = mortal.readiness()["reasons"]
    return any(all(word in reason for word in words) for reason in reasons)


def ready(mortal: Mortal) -> bool:
    return bool(mortal.readiness()["ready"])


def up(mortal: Mortal, port: str) -> bool:
    return f'whispr_port_up{{host="daemon",port="{port}"}} 1.0' in mortal.endpoint("/metrics")


def down(mortal: Mortal, port: str) -> bool:
    return f'whispr_port_up{{host="daemon",port="{port}"}} 0.0' in mortal.endpoint("/metrics")


def ends_as(process: BaseProcess, mortal: Mortal, undisturbed: Mortal) -> None:
    """It goes on by itself, and nothing is lost or said twice."""
    process.join(PATIENCE)
    assert process.exitcode == 0
    assert mortal.said() == undisturbed.said()
    assert mortal.delivered() == undisturbed.delivered()


def test_servers_away_are_missed_by_name_and_replies_dropped_are_asked_for_again(
    undisturbed: Mortal, minutes: Path, servers: dict[str, Own], network: Network, tmp_path: Path
) -> None:
    mortal = Mortal(tmp_path, minutes, PACE, **LOGGED)
    mortal.on(*(each.behind(network) for each in servers.values()))
    process = mortal.begin()
    for port, name in (("store", "Postgres at 127.0.0.1"), ("log", "Redis at 127.0.0.1")):
        until(lambda: ready(mortal))
        assert process.exitcode is None
        servers[port].stop()
        until(lambda port=port, name=name: told(mortal, f"{port}: away for", name))  # type: ignore[misc]
        until(lambda port=port: told(mortal, f"daemon: {port}: ", "has failed for"))  # type: ignore[misc]
        until(lambda port=port: down(mortal, port))  # type: ignore[misc]
        servers[port].start()
        until(lambda port=port: up(mortal, port))  # type: ignore[misc]
        assert mortal.logged("does not answer", port=port)
        assert mortal.logged("works again", port=port)
    until(lambda: ready(mortal))
    for place, what in enumerate((("commit unsure", {}), ("trying again", {"doing": "append"}))):
        before = len(mortal.logged(what[0], **what[1]))
        network.begin(place, "reply dropped")  # the server has done what it was asked
        until(lambda what=what, before=before: len(mortal.logged(what[0], **what[1])) > before)  # type: ignore[misc]
        network.end(place)
    ends_as(process, mortal, undisturbed)


def test_a_full_disk_and_then_a_wrong_clock_are_said_until_they_are_over(
    undisturbed: Mortal, minutes: Path, tmp_path: Path
) -> None:
    mortal = Mortal(tmp_path, minutes, PACE, **LOGGED)
    process = mortal.begin()
    until(lambda: ready(mortal))
    with no_room(process, mortal):
        until(lambda: told(mortal, "daemon: ", "has failed for", "disk"))
        assert not ready(mortal)
        assert down(mortal, "log") or down(mortal, "store")
    until(lambda: ready(mortal))
    # Which of its files had to grow first is chance: log and store, or only commits.
    assert mortal.logged("trying again") or mortal.logged("commit unsure")
    assert mortal.logged("works again")
    mortal.turn_clock(wrong=True)
    until(lambda: any("jumped by +3600 s" in each for each in warnings(mortal)))
    assert ready(mortal)  # nothing of what it does depends on it
    until(lambda: jump(mortal) == pytest.approx(3600, abs=60))
    mortal.turn_clock(wrong=False)
    until(lambda: not warnings(mortal))
    assert len(mortal.logged("wall clock jumped")) == 2
    ends_as(process, mortal, undisturbed)


def jump(mortal: Mortal) -> float:
    """The seconds the supervisor's wall clock has jumped by, as the figures have it."""
    shown = re.search(
        r'whispr_clock_jump_seconds\{host="supervisor"\} (\S+)', mortal.endpoint("/metrics")
    )
    assert shown is not None
    return float(shown[1])


def warnings(mortal: Mortal) -> list[Any]:
    return list(mortal.readiness()["warnings"])


@contextmanager
def no_room(process: BaseProcess, mortal: Mortal) -> Iterator[None]:
    """Let it write no file beyond what its largest has: what a full disk is to a program."""
    child, limit = psutil.Process(process.pid), psutil.RLIMIT_FSIZE
    before = child.rlimit(limit)
    largest = max(each.stat().st_size for each in mortal.settings["data"].iterdir())
    child.rlimit(limit, (largest, before[1]))
    try:
        yield
    finally:
        child.rlimit(limit, before)
