"""What every runtime promises: hosts run once, are asked, killed, started again, and finish."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.contract.counting_host import open_counting_host
from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.runtimes.local import LocalRuntime
from whispr_daemon.adapters.runtimes.ray import RayCluster, RayRuntime
from whispr_daemon.domain.unit import HostReport, HostSpec, UnitSpec
from whispr_daemon.ports.runtime import Runtime

WITHIN = 60.0  # seconds: no answer for so long is none


def host(host_id: str, strategy: str = "count") -> HostSpec:
    return HostSpec(host_id=host_id, units=(UnitSpec(strategy=strategy, partition=0),))


async def until(what: Callable[[], Awaitable[bool]], within: float = 180.0) -> None:
    clock = SystemClock()
    end = clock.monotonic() + within
    while not await what():
        assert clock.monotonic() < end, f"not so after {within} s"
        await clock.sleep(0.05)


@pytest.fixture(params=["local", "ray"])
def cluster(request: pytest.FixtureRequest) -> RayCluster | None:
    found: RayCluster | None = None
    if request.param == "ray":
        found = request.getfixturevalue("ray_cluster")
    return found


@pytest.fixture
async def runtime(cluster: RayCluster | None, tmp_path: Path) -> AsyncIterator[Runtime]:
    context = str(tmp_path).encode()
    if cluster is None:
        build = partial(open_counting_host, context)
        local = LocalRuntime(build, on_fenced=lambda: None)
        yield local
        await local.close()
    else:
        remote = RayRuntime(cluster, open_counting_host, context, tmp_path)
        yield remote
        await remote.stop(["a", "b"])


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[str], int]:
    """How often a host was built."""
    return lambda host_id: len((tmp_path / f"{host_id}.runs").read_text().split())


async def turns(runtime: Runtime, host_id: str) -> int:
    report = await runtime.report(host_id, WITHIN)
    return report.units[0].turns if report and report.units else -1


async def up(runtime: Runtime, host_id: str) -> HostReport:
    async def turning() -> bool:
        return await turns(runtime, host_id) > 0

    await until(turning)
    report = await runtime.report(host_id, WITHIN)
    assert report
    return report


async def test_a_host_that_was_started_makes_progress(runtime: Runtime) -> None:
    await runtime.start(host("a"))

    before = (await up(runtime, "a")).units[0].turns

    async def further() -> bool:
        return await turns(runtime, "a") > before

    await until(further)


async def test_a_host_nobody_started_has_no_report(runtime: Runtime) -> None:
    assert await runtime.report("nobody", WITHIN) is None


async def test_killing_and_stopping_a_host_nobody_started_does_nothing(runtime: Runtime) -> None:
    await runtime.kill("nobody")
    await runtime.stop(["nobody"])


async def test_a_host_that_runs_is_not_started_again(
    runtime: Runtime, runs: Callable[[str], int]
) -> None:
    await runtime.start(host("a"))
    first = await up(runtime, "a")

    await runtime.start(host("a"))

    again = await up(runtime, "a")
    assert (again.pid, runs("a")) == (first.pid, 1)


async def test_a_host_under_another_spec_replaces_the_one_that_runs(
    runtime: Runtime, tmp_path: Path
) -> None:
    await runtime.start(host("a"))
    await up(runtime, "a")

    await runtime.start(host("a", strategy="other"))

    assert (await up(runtime, "a")).units[0].unit_id == "other/0"
    assert (tmp_path / "a.clean").exists()


async def test_a_host_that_was_killed_runs_anew_when_started(
    runtime: Runtime, runs: Callable[[str], int], tmp_path: Path
) -> None:
    await runtime.start(host("a"))
    await up(runtime, "a")

    await runtime.kill("a")
    await runtime.start(host("a"))

    async def anew() -> bool:
        return runs("a") == 2 and await turns(runtime, "a") > 0

    await until(anew)
    assert not (tmp_path / "a.clean").exists()


async def test_hosts_that_are_stopped_finish_and_are_gone(runtime: Runtime, tmp_path: Path) -> None:
    for host_id in ("a", "b"):
        await runtime.start(host(host_id))
        await up(runtime, host_id)

    await runtime.stop(["a", "b"])

    for host_id in ("a", "b"):
        assert (tmp_path / f"{host_id}.clean").exists()
        assert (tmp_path / f"{host_id}.closed").exists()
        assert await runtime.report(host_id, WITHIN) is None


async def test_a_host_that_was_stopped_can_be_started(
    runtime: Runtime, runs: Callable[[str], int]
) -> None:
    await runtime.start(host("a"))
    await up(runtime, "a")
    await runtime.stop(["a"])

    await runtime.start(host("a"))

    await up(runtime, "a")
    assert runs("a") == 2


@pytest.mark.parametrize("failure", ["fatal", "fenced"])
async def test_a_host_that_fails_comes_back_if_started_when_it_does_not_answer(
    runtime: Runtime, runs: Callable[[str], int], tmp_path: Path, failure: str
) -> None:
    await runtime.start(host("a"))
    await up(runtime, "a")

    (tmp_path / "a.order").write_text(failure)

    async def back() -> bool:
        if await runtime.report("a", 0.5) is None:
            await runtime.start(host("a"))
        return runs("a") == 2 and await turns(runtime, "a") > 0

    await until(back)


async def test_a_host_whose_units_have_all_ended_can_still_be_asked(
    runtime: Runtime, runs: Callable[[str], int], tmp_path: Path
) -> None:
    await runtime.start(host("a"))
    await up(runtime, "a")

    (tmp_path / "a.order").write_text("return")

    async def closed() -> bool:
        return (tmp_path / "a.closed").exists()

    await until(closed)
    assert await turns(runtime, "a") > 0
    assert runs("a") == 1
