"""A Ray cluster: one for a process, and what happens when its processes are killed or stopped."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]
import pytest

from tests.contract.counting_host import open_counting_host
from tests.contract.test_runtime import host, turns, until, up
from tests.integration.ray_joined import joined
from tests.integration.ray_parts import HOST, Seen, open_supervisor
from whispr_daemon.adapters.runtimes.ray import RayCluster, RayRuntime, RaySupervisor
from whispr_daemon.domain.errors import Fatal, Transient


@pytest.fixture
async def runtime(ray_cluster: RayCluster, tmp_path: Path) -> AsyncIterator[RayRuntime]:
    runtime = RayRuntime(ray_cluster, open_counting_host, str(tmp_path).encode(), tmp_path)
    yield runtime
    await runtime.stop(["killed", "stopped", HOST])


@pytest.fixture
async def supervisor(ray_cluster: RayCluster, tmp_path: Path) -> AsyncIterator[RaySupervisor]:
    supervisor = RaySupervisor(ray_cluster, open_supervisor, str(tmp_path).encode(), tmp_path)
    yield supervisor
    await supervisor.stop()


async def seen(supervisor: RaySupervisor, at_least: int = 1) -> Seen:
    found = Seen(pid=0)

    async def watching() -> bool:
        nonlocal found
        if answer := await supervisor.report(1.0):
            found = msgspec.msgpack.decode(answer, type=Seen)
        return found.turns >= at_least

    await until(watching)
    return found


async def test_a_host_killed_with_sigkill_comes_back_without_anyone_asking(
    runtime: RayRuntime, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await runtime.start(host("killed"))
    first = await up(runtime, "killed")
    capfd.readouterr()

    os.kill(first.pid, signal.SIGKILL)

    async def built_again() -> bool:  # seen by its own trace: asking it is not what revives it
        return len((tmp_path / "killed.runs").read_text().split()) == 2

    await until(built_again)
    assert (await up(runtime, "killed")).pid != first.pid
    assert capfd.readouterr().out == ""  # Ray likes to print of it where signals are printed


async def test_a_stopped_host_gives_no_report_and_is_replaced_once_killed(
    runtime: RayRuntime,
) -> None:
    await runtime.start(host("stopped"))
    first = await up(runtime, "stopped")

    os.kill(first.pid, signal.SIGSTOP)
    try:
        assert await runtime.report("stopped", 0.5) is None
        await runtime.start(host("stopped"))  # alive, if not well: left alone
        await runtime.kill("stopped")
        assert (await up(runtime, "stopped")).pid != first.pid

        async def gone() -> bool:
            return not psutil.pid_exists(first.pid)

        await until(gone)
    finally:
        with suppress(ProcessLookupError):
            os.kill(first.pid, signal.SIGCONT)


async def test_hosts_do_not_notice_that_their_supervisor_is_killed(
    supervisor: RaySupervisor, runtime: RayRuntime, tmp_path: Path
) -> None:
    await supervisor.start()
    before = await seen(supervisor)

    os.kill(before.pid, signal.SIGKILL)

    during = await turns(runtime, HOST)
    after = await seen(supervisor, at_least=before.turns + 1)
    assert after.pid != before.pid
    assert after.host_pid == before.host_pid
    assert during >= before.turns
    assert len((tmp_path / f"{HOST}.runs").read_text().split()) == 1


def actors() -> list[str]:
    from ray.util import list_named_actors

    return sorted(each["name"] for each in list_named_actors(all_namespaces=True))


def listening(url: str) -> psutil.Process:
    """The process that listens there."""
    port = int(url.rpartition(":")[2])
    (found,) = [
        each.pid
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port
    ]
    return psutil.Process(found)


async def test_a_daemon_that_joins_again_finds_all_as_it_was_and_replaces_a_silent_supervisor(
    ray_cluster: RayCluster, tmp_path: Path, repo_root: Path
) -> None:
    import ray

    address = await ray_cluster.call(lambda: ray.get_runtime_context().gcs_address)
    before = await ray_cluster.call(actors)
    with joined(tmp_path, repo_root, address) as daemon:
        first = daemon.until()
        there = await ray_cluster.call(actors)
        assert len(there) == len(before) + 2  # a supervisor and its host
        daemon.process.kill()
    with joined(tmp_path, repo_root, address) as daemon:
        assert daemon.until() == first
        assert await ray_cluster.call(actors) == there

        supervisor = listening(first["health"])
        supervisor.suspend()
        after = daemon.until(health_is_not=first["health"])
        assert after["hosts"] == first["hosts"]
        assert await ray_cluster.call(actors) == there
        supervisor.wait(60)
        assert daemon.stop() == 0
    assert await ray_cluster.call(actors) == before


async def test_a_supervisor_takes_figures_and_stops_its_hosts_when_it_stops(
    supervisor: RaySupervisor, runtime: RayRuntime, tmp_path: Path
) -> None:
    await supervisor.start()
    first = await seen(supervisor)

    assert await supervisor.push("ingest", b"7 rows", 60.0)
    await supervisor.start()

    again = await seen(supervisor)
    assert (again.pid, again.pushed) == (first.pid, "ingest: 7 rows")
    await supervisor.stop()
    assert (tmp_path / f"{HOST}.clean").exists()
    assert await supervisor.report(5.0) is None
    assert await runtime.report(HOST, 5.0) is None
    assert not await supervisor.push("ingest", b"8 rows", 5.0)


async def test_what_a_host_prints_is_in_the_data_folder(
    runtime: RayRuntime, tmp_path: Path
) -> None:
    await runtime.start(host("killed"))
    await up(runtime, "killed")

    (tmp_path / "killed.order").write_text("fenced")

    async def written() -> bool:
        return "Fenced('told to')" in (tmp_path / "logs" / "host-killed.log").read_text()

    await until(written)


async def test_an_actor_that_cannot_import_its_host_says_so(
    ray_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = RayRuntime(ray_cluster, open_counting_host, b"")
    monkeypatch.setattr(
        runtime, "_recipe", msgspec.structs.replace(runtime._recipe, build="no.such:thing")
    )

    with pytest.raises(Transient, match="No module named 'no'"):
        await runtime.start(host("lost"))

    assert await runtime.report("lost", 5.0) is None


async def test_a_process_is_in_one_cluster_only(ray_cluster: RayCluster) -> None:
    second = RayCluster()
    with pytest.raises(Fatal, match="already connected"):
        await second.open()
    await second.close()
