"""What both users of Redis, the market log and the SIGNALS stream, get from their link to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from whispr_daemon.adapters.clock import SystemClock
from whispr_daemon.adapters.embedded import EmbeddedValkey, Server
from whispr_daemon.adapters.logs.redis import RedisEventLog
from whispr_daemon.adapters.outlets.redis import RedisOutlet
from whispr_daemon.adapters.redis_link import RedisLink
from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.domain.errors import Fatal, SettingsError, Transient, UnsafeServer
from whispr_daemon.domain.outputs import Signal
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store import StoredOutput


class FaultProxy:
    """Stands between a client and the server, and can lose the reply to an executed command."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._lose = b""
        self.lost = 0

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def lose_reply_with(self, part: bytes) -> None:
        """Swallow what the server says until it says this; then hang up."""
        self._lose = part

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        up = asyncio.create_task(self._up(reader, up_writer))
        try:
            await self._down(up_reader, writer)
        finally:
            up.cancel()
            writer.close()
            up_writer.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = b""
        while data := await reader.read(65536):
            held += data
            if self._lose and self._lose in held:
                self._lose, self.lost = b"", self.lost + 1
                return
            if not self._lose:
                writer.write(held)
                held = b""


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey whose settings a test may spoil."""
    valkey = EmbeddedValkey(SystemClock())
    yield asyncio.run(valkey.start(tmp_path_factory.mktemp("private")))
    asyncio.run(valkey.stop())


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A prefix for the keys of this test alone."""
    return str(request.node.nodeid)


@pytest.fixture
async def proxy(valkey_server: Server) -> AsyncIterator[FaultProxy]:
    parts = urlsplit(valkey_server.url)
    proxy = FaultProxy(parts.hostname or "", parts.port or 0)
    yield proxy
    await proxy.stop()


def entry(seq: int, rows: int = 1) -> Entry:
    return Entry(position=Position(1, seq), rows=empty_rows(rows))


def stored(number: int) -> StoredOutput:
    signal = Signal(name="go", instrument="SPY", ts_event=number, id=f"id{number}")
    return StoredOutput(unit_id="rules/0", out_seq=number, created=0, output=signal)


class TestLostReply:
    """The server executed the command, the reply got lost."""

    async def test_an_append_repeated_gives_one_entry(
        self, proxy: FaultProxy, valkey_server: Server, name: str
    ) -> None:
        url = f"redis://{await proxy.start()}"
        log = await RedisEventLog.open(url, valkey_server.password, name, 2)
        append = [(0, entry(1)), (1, entry(1)), (0, entry(2))]
        proxy.lose_reply_with(b"1-2")
        with pytest.raises(Transient):
            await log.append(append)
        assert proxy.lost == 1, "sent again behind our back"
        await log.append(append)
        found = [str(each.position) for each in await log.read(0, ORIGIN, 10, 0)]
        assert found == ["1-1", "1-2"]
        await log.close()

    async def test_an_outlet_opened_again_knows_what_arrived(
        self, proxy: FaultProxy, valkey_server: Server, name: str
    ) -> None:
        url = f"redis://{await proxy.start()}"
        outlet = await RedisOutlet.connect(url, valkey_server.password, name)
        await outlet.open(1, "")
        receipt = await outlet.send([stored(1)])
        proxy.lose_reply_with(b"1-3")
        with pytest.raises(Transient):
            await outlet.send([stored(2), stored(3)])
        with pytest.raises(Transient, match="open the outlet again"):
            await outlet.send([stored(2), stored(3)])
        assert await outlet.open(1, receipt) == {"id2", "id3"}
        await outlet.send([stored(4)])
        assert await outlet.open(2, "") == {"id1", "id2", "id3", "id4"}
        await outlet.close()

    async def test_a_read_asked_again_is_answered(
        self, proxy: FaultProxy, valkey_server: Server, name: str
    ) -> None:
        url = f"redis://{await proxy.start()}"
        log = await RedisEventLog.open(url, valkey_server.password, name, 1)
        await log.append([(0, entry(1))])
        proxy.lose_reply_with(b"1-1")
        with pytest.raises(Transient):
            await log.read(0, ORIGIN, 10, 0)
        assert len(await log.read(0, ORIGIN, 10, 0)) == 1
        await log.close()


class TestOddServer:
    """Replies, silence and data that should not be."""

    async def test_a_reply_of_another_shape_drops_the_connection(self, valkey_url: str) -> None:
        link = await RedisLink.open(valkey_url, "")
        before = await link.call(("CLIENT", "ID"), int)
        assert await link.call(("CLIENT", "ID"), int) == before
        with pytest.raises(Transient, match="an odd reply to 'PING'"):
            await link.call(("PING",), int)
        assert await link.call(("CLIENT", "ID"), int) > before
        await link.close()

    async def test_a_connection_is_used_again_unless_the_server_has_closed_it(
        self, valkey_url: str
    ) -> None:
        link, other = [await RedisLink.open(valkey_url, "") for _ in range(2)]
        mine = await link.call(("CLIENT", "ID"), int)
        assert await link.call(("CLIENT", "ID"), int) == mine

        assert await other.call(("CLIENT", "KILL", "ID", mine), int) == 1
        await other.call(("PING",), bytes)

        again = await link.call(("CLIENT", "ID"), int)
        assert again != mine
        assert await link.call(("CLIENT", "ID"), int) == again
        for each in (link, other):
            await each.close()

    async def test_a_connection_of_which_the_loop_says_that_it_is_closed_is_lost(
        self, valkey_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def closed(*_: object) -> None:  # as uvloop does, where streams of asyncio say OSError
            raise RuntimeError("unable to perform operation; the handler is closed")

        link = await RedisLink.open(valkey_url, "")
        with monkeypatch.context() as on_uvloop:
            on_uvloop.setattr(asyncio.StreamWriter, "writelines", closed)
            for _ in ("over one that was there", "over a new one"):
                with pytest.raises(Transient, match="the handler is closed"):
                    await link.call(("PING",), bytes)
        assert await link.call(("PING",), bytes) == b"PONG"
        await link.close()

    async def test_one_command_of_a_transaction_refused_refuses_all(
        self, valkey_url: str, name: str
    ) -> None:
        link = await RedisLink.open(valkey_url, "")
        with pytest.raises(Fatal, match="wrong number of arguments"):
            await link.transaction([("XADD", name), ("XADD", name, "1-1", "a", "b")])
        assert await link.call(("EXISTS", name), int) == 0
        await link.close()

    async def test_one_command_alone_is_granted_and_refused_as_one_of_several(
        self, valkey_url: str, name: str
    ) -> None:
        link = await RedisLink.open(valkey_url, "")
        add, late = ("XADD", name, "2-1", "a", "b"), ("XADD", name, "1-1", "a", "b")
        assert await link.transaction([add]) == [b"2-1"]
        (alone,) = await link.transaction([late])
        several = await link.transaction([late, late])
        assert alone.is_late
        assert several == [alone, alone]
        await link.close()

    async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(
        self, monkeypatch: pytest.MonkeyPatch, proxy: FaultProxy, valkey_server: Server
    ) -> None:
        url = f"redis://{await proxy.start()}"
        link = await RedisLink.open(url, valkey_server.password)
        monkeypatch.setattr("whispr_daemon.adapters.redis_link._PATIENCE_SECONDS", 0.05)
        proxy.lose_reply_with(b"never said")
        with pytest.raises(Transient, match=r"no answer in 0\.05 s"):
            await link.call(("PING",), bytes)
        proxy.lose_reply_with(b"")
        monkeypatch.undo()
        assert await link.call(("PING",), bytes) == b"PONG", "the late reply met the next command"
        await link.close()

    async def test_a_command_refused_for_good_is_fatal(self, valkey_url: str, name: str) -> None:
        log = await RedisEventLog.open(valkey_url, "", name, 1)
        link = await RedisLink.open(valkey_url, "")
        await link.call(("SET", f"{name}:market:0", "no stream"), bytes)
        for attempt in (log.append([(0, entry(1))]), log.last(0)):
            with pytest.raises(Fatal, match="WRONGTYPE"):
                await attempt
        await link.close()
        await log.close()

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            (("colour", "red"), r"fields \[b'colour'\], not \[b'h', b'r'\]"),
            (("h", "x", "r", ""), "not an entry"),
        ],
    )
    async def test_a_malformed_entry_is_named_with_partition_and_position(
        self, valkey_url: str, name: str, fields: tuple[str, ...], said: str
    ) -> None:
        log = await RedisEventLog.open(valkey_url, "", name, 2)
        link = await RedisLink.open(valkey_url, "")
        await link.call(("XADD", f"{name}:market:1", "4-2", *fields), bytes)
        with pytest.raises(Fatal, match=rf"partition 1, position 4-2: .*{said}"):
            await log.read(1, ORIGIN, 10, 0)
        await link.close()
        await log.close()

    async def test_a_log_of_a_newer_whispr_is_refused(self, valkey_url: str, name: str) -> None:
        link = await RedisLink.open(valkey_url, "")
        about = b'{"format":99,"partitions":1,"unheard_of":true}'
        await link.call(("SET", f"{name}:market:about", about), bytes)
        with pytest.raises(SettingsError, match="written in format 99 by a newer"):
            await RedisEventLog.open(valkey_url, "", name, 1)
        await link.close()


class TestAddress:
    """What is wrong with redis.url is said without the password."""

    async def test_a_server_away_is_named_by_its_address(self, proxy: FaultProxy) -> None:
        address = await proxy.start()
        await proxy.stop()
        with pytest.raises(SettingsError, match=rf"redis\.url: no Redis .* at {address}"):
            await RedisLink.open(f"redis://user:s3cret@{address}/0", "")

    async def test_a_wrong_password_is_said_and_not_shown(self, valkey_server: Server) -> None:
        with pytest.raises(SettingsError, match="refuses the user or password") as refusal:
            await RedisLink.open(valkey_server.url, "s3cret")
        assert "s3cret" not in str(refusal.value)

    async def test_a_missing_password_is_said(self, valkey_server: Server) -> None:
        with pytest.raises(SettingsError, match=r"refuses the user or password: .*required"):
            await RedisLink.open(valkey_server.url, "")

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://127.0.0.1", "begins with 'http': it must be redis://"),
            ("redis://127.0.0.1:port", "is not a URL"),
            ("127.0.0.1:6379", "it must be redis://"),
        ],
    )
    async def test_what_is_no_redis_url_is_said(self, url: str, said: str) -> None:
        with pytest.raises(SettingsError, match=said):
            await RedisLink.open(url, "")


class TestUnsafeServer:
    """A server that could lose what it acknowledged is refused."""

    @pytest.fixture
    async def link(self, private: Server) -> AsyncIterator[RedisLink]:
        link = await RedisLink.open(private.url, private.password)
        yield link
        await link.close()

    @pytest.mark.parametrize(
        ("setting", "unsafe", "safe"),
        [
            ("appendfsync", "everysec", "always"),
            ("appendonly", "no", "yes"),
            ("no-appendfsync-on-rewrite", "yes", "no"),
            ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ],
    )
    async def test_a_setting_that_can_lose_writes_is_refused_with_the_value_it_needs(
        self, link: RedisLink, private: Server, setting: str, unsafe: str, safe: str
    ) -> None:
        await link.call(("CONFIG", "SET", setting, unsafe), bytes)
        try:
            with pytest.raises(UnsafeServer, match=f"{setting} is '{unsafe}', needs '{safe}'"):
                await RedisEventLog.open(private.url, private.password, "test", 1)
            with pytest.raises(UnsafeServer, match=f"{setting} is '{unsafe}', needs '{safe}'"):
                await RedisOutlet.connect(private.url, private.password, "test")
        finally:
            await link.call(("CONFIG", "SET", setting, safe), bytes)

    async def test_a_replica_is_refused(self, link: RedisLink, private: Server) -> None:
        await link.call(("REPLICAOF", "127.0.0.1", 1), bytes)
        try:
            with pytest.raises(UnsafeServer, match="role is 'slave', needs 'master'"):
                await RedisLink.open(private.url, private.password)
        finally:
            await link.call(("REPLICAOF", "NO", "ONE"), bytes)

    async def test_a_server_that_hides_its_settings_is_refused(
        self, link: RedisLink, private: Server
    ) -> None:
        rights = ("on", ">pw", "~*", "+@all", "-config")
        await link.call(("ACL", "SETUSER", "shy", *rights), bytes)
        url = private.url.replace("//", "//shy@")
        with pytest.raises(UnsafeServer, match=r"cannot tell .* permissions \+config\|get"):
            await RedisLink.open(url, "pw")

    async def test_while_there_is_no_memory_appends_are_to_be_repeated_and_leave_no_hole(
        self, link: RedisLink, private: Server
    ) -> None:
        log = await RedisEventLog.open(private.url, private.password, "full", 1)
        await log.append([(0, entry(1))])
        await link.call(("CONFIG", "SET", "maxmemory", 1), bytes)
        with pytest.raises(Transient, match="maxmemory"):
            await log.append([(0, entry(2)), (0, entry(3))])
        await link.call(("CONFIG", "SET", "maxmemory", 0), bytes)
        assert await log.last(0) == Position(1, 1)
        await log.append([(0, entry(2)), (0, entry(3))])
        assert await log.last(0) == Position(1, 3)
        await log.close()
