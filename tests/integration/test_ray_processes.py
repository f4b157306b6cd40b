"""What a Ray cluster and its actors' processes leave behind, and how they end."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]
import pytest

from tests.contract.test_runtime import host
from whispr_daemon.adapters.runtimes.ray.cluster import RayCluster
from whispr_daemon.adapters.runtimes.ray.recipe import Recipe
from whispr_daemon.domain.errors import Fatal, SettingsError

SHELL = """
import asyncio, sys
from whispr_daemon.adapters.runtimes.ray.shell import HostShell
async def main():
    shell = HostShell(sys.stdin.buffer.read())
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("order", ["fenced", "fatal", "exit"])
async def test_a_main_loop_that_ends_unasked_ends_its_process_with_status_70(
    order: str, tmp_path: Path, repo_root: Path
) -> None:
    recipe = Recipe(
        build="tests.contract.counting_host:open_counting_host",
        context=str(tmp_path).encode(),
        spec=msgspec.msgpack.encode(host("h")),
        log_file=str(tmp_path / "logs" / "h.log"),
    )
    (tmp_path / "h.order").write_text(order)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SHELL, stdin=asyncio.subprocess.PIPE, cwd=repo_root
    )

    await process.communicate(msgspec.msgpack.encode(recipe))

    assert process.returncode == 70
    assert "main loop failed" in (tmp_path / "logs" / "h.log").read_text()


async def test_a_cluster_of_our_own_keeps_to_this_machine_and_leaves_nothing(
    tmp_path: Path, repo_root: Path
) -> None:
    driver = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.ray_parts",
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=repo_root,
        env={name: text for name, text in os.environ.items() if not name.startswith("RAY_")},
    )
    assert driver.stdout
    assert driver.stderr
    started = json.loads(await driver.stdout.readline())
    home = Path(started["home"])
    children = psutil.Process(driver.pid).children(recursive=True)
    listening = {
        connection.laddr.ip
        for process in [psutil.Process(driver.pid), *children]
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    assert [_mode(home), _mode(home / "token")] == [0o700, 0o600]
    assert {each.nice() for each in children} == {psutil.Process().nice()}, "none comes last"
    assert started["told"] == ["starting Ray on this machine", "Ray is up on this machine"]

    os.kill(started["host"], signal.SIGSTOP)  # it will not notice that its cluster ends
    driver.send_signal(signal.SIGTERM)
    out, error = await driver.communicate()

    assert driver.returncode == 0
    assert out.decode() == "auth mode after: None\n"
    assert "SIGTERM received" not in error.decode()
    assert _mode(home) is None
    assert [each.pid for each in children if each.is_running() and each.status() != "zombie"] == []


def _mode(path: Path) -> int | None:
    return path.stat().st_mode & 0o777 if path.exists() else None


@pytest.mark.parametrize("address", ["ray://head:10001", "head"])
async def test_an_address_that_is_none_is_refused(address: str) -> None:
    cluster = RayCluster(address)
    with pytest.raises(SettingsError, match="give host:port"):
        await cluster.open()
    await cluster.close()


async def test_a_cluster_that_is_not_there_is_missed_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        cluster = RayCluster(f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Fatal, match="no Ray cluster at"):
            await cluster.open()
    await cluster.close()
