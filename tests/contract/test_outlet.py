"""What every outlet promises, over the SIGNALS stream, a file of JSON lines and the console."""

# ruff: noqa: ASYNC240 - a test may wait for its own small files

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from whispr_daemon.adapters.outlets.console import ConsoleOutlet
from whispr_daemon.adapters.outlets.jsonl import JsonLinesOutlet
from whispr_daemon.adapters.outlets.redis import RedisOutlet
from whispr_daemon.adapters.redis_link import RedisLink
from whispr_daemon.domain.errors import Fenced, SettingsError, Transient
from whispr_daemon.domain.outputs import Alert, Signal, decode
from whispr_daemon.ports.outlet import Outlet
from whispr_daemon.ports.store import StoredOutput


def stored(*numbers: int) -> list[StoredOutput]:
    """Outputs with the ids out1, out2 …"""
    return [
        StoredOutput(
            unit_id="rules/0",
            out_seq=number,
            created=number,
            output=Signal(
                name=f"signal{number}",
                instrument="SPY",
                ts_event=number * 1_000_000_000,
                direction="up",
                price=0.1 + 0.2,
                origin="golden",
                id=f"out{number}",
            ),
        )
        for number in numbers
    ]


class Receiver:
    """An outlet's other side: opens outlets to it, and says which ids it has."""

    def __init__(
        self, connect: Callable[[], Awaitable[Outlet]], ids: Callable[[], Awaitable[list[str]]]
    ) -> None:
        self._connect, self.ids = connect, ids
        self.outlets: list[Outlet] = []

    async def outlet(self) -> Outlet:
        self.outlets.append(await self._connect())
        return self.outlets[-1]


@pytest.fixture(params=["redis", "jsonl", "console"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    """The server's, where there is one. Not asked for in a loop: starting it runs one."""
    return str(request.getfixturevalue("valkey_url")) if kind == "redis" else ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signals.jsonl"


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.node.nodeid)


@pytest.fixture
async def receiver(kind: str, url: str, path: Path, prefix: str) -> AsyncIterator[Receiver]:
    receiver = {"redis": on_stream, "jsonl": on_file, "console": on_console}[kind](
        url, path, prefix
    )
    yield receiver
    for outlet in receiver.outlets:
        await outlet.close()


def on_stream(url: str, path: Path, prefix: str) -> Receiver:
    async def ids() -> list[str]:
        return [fields[b"id"].decode() for fields in await stream(url, prefix)]

    return Receiver(lambda: RedisOutlet.connect(url, "", prefix), ids)


def on_file(url: str, path: Path, prefix: str) -> Receiver:
    async def connect() -> Outlet:
        return JsonLinesOutlet(path)

    async def ids() -> list[str]:
        lines = path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=StoredOutput).output.id for line in lines]

    return Receiver(connect, ids)


def on_console(url: str, path: Path, prefix: str) -> Receiver:
    console = Console(file=io.StringIO(), width=20)

    async def connect() -> Outlet:
        return ConsoleOutlet(console)

    async def ids() -> list[str]:
        assert isinstance(console.file, io.StringIO)
        words = console.file.getvalue().split()
        return [word.replace("signal", "out") for word in words if word.startswith("signal1")]

    return Receiver(connect, ids)


async def stream(url: str, prefix: str) -> list[dict[bytes, bytes]]:
    """The fields of every entry of the SIGNALS stream."""
    link = await RedisLink.open(url, "")
    try:
        reply = await link.call(("XRANGE", f"{prefix}:SIGNALS", "-", "+"), list)
    finally:
        await link.close()
    return [dict(zip(parts[::2], parts[1::2], strict=True)) for _, parts in reply]


async def deliver(outlet: Outlet, epoch: int, receipt: str, outputs: Sequence[StoredOutput]) -> str:
    """What a relay does after a start: pass over what has arrived, send the rest one by one."""
    delivered = await outlet.open(epoch, receipt)
    for output in outputs:
        if output.output.id not in delivered:
            receipt = await outlet.send([output])
    return receipt


class TestDelivery:
    """Every outlet."""

    async def test_outputs_arrive_in_the_order_sent(self, receiver: Receiver) -> None:
        outlet = await receiver.outlet()
        assert not await outlet.open(1, "")
        await outlet.send(stored(11, 12))
        await outlet.send(stored(13))
        assert await receiver.ids() == ["out11", "out12", "out13"]


@pytest.mark.parametrize("kind", ["redis", "jsonl"])
class TestOnceOverCrashes:
    """Outlets that can tell what has arrived."""

    async def test_opened_again_it_returns_the_ids_after_the_receipt(
        self, receiver: Receiver
    ) -> None:
        first = await receiver.outlet()
        await first.open(1, "")
        receipt = await first.send(stored(1, 2))
        await first.send(stored(3))
        await first.send(stored(4, 5))
        second = await receiver.outlet()
        assert set(await second.open(2, receipt)) == {"out3", "out4", "out5"}
        assert set(await second.open(2, "")) == {f"out{number}" for number in range(1, 6)}

    @pytest.mark.parametrize("sent", range(5))
    async def test_a_crash_before_the_receipt_was_kept_repeats_nothing(
        self, receiver: Receiver, sent: int
    ) -> None:
        outputs = stored(1, 2, 3, 4)
        receipt = ""
        for epoch in range(1, 4):  # each life sends more, keeps no receipt, and dies
            await deliver(await receiver.outlet(), epoch, receipt, outputs[:sent])
        await deliver(await receiver.outlet(), 4, receipt, outputs)
        assert await receiver.ids() == ["out1", "out2", "out3", "out4"]

    async def test_after_the_newest_receipt_there_is_nothing(self, receiver: Receiver) -> None:
        receipt = await deliver(await receiver.outlet(), 1, "", stored(1, 2))
        assert not await (await receiver.outlet()).open(2, receipt)

    async def test_a_stream_of_many_is_read_back_whole(self, receiver: Receiver) -> None:
        outlet = await receiver.outlet()
        await outlet.open(1, "")
        await outlet.send(stored(*range(1, 1002)))
        assert len(await outlet.open(2, "")) == 1001

    async def test_sending_before_opening_is_refused(self, receiver: Receiver) -> None:
        with pytest.raises(Transient, match="open the outlet again"):
            await (await receiver.outlet()).send(stored(1))
        assert not await (await receiver.outlet()).open(1, "")


@pytest.mark.parametrize("kind", ["redis"])
class TestStream:
    """The SIGNALS stream: its fields and its fences."""

    async def test_an_entry_has_every_field_a_reader_wants(
        self, receiver: Receiver, url: str, prefix: str
    ) -> None:
        outlet = await receiver.outlet()
        await outlet.open(1, "")
        alert = Alert(message="ten percent\nof the day", origin="loss", ts_event=7, id="a1")
        (signal,) = stored(1)
        await outlet.send([signal, StoredOutput(unit_id="u/1", out_seq=9, created=0, output=alert)])
        first, second = await stream(url, prefix)
        assert decode(first.pop(b"body")) == signal.output
        assert decode(second.pop(b"body")) == alert
        assert first == {
            b"id": b"out1",
            b"unit": b"rules/0",
            b"out_seq": b"1",
            b"kind": b"signal",
            b"origin": b"golden",
            b"name": b"signal1",
            b"instrument": b"SPY",
            b"ts_event": b"1000000000",
            b"direction": b"up",
            b"price": b"0.30000000000000004",
            b"level": b"",
        }
        assert (second[b"kind"], second[b"name"], second[b"unit"]) == (b"alert", b"info", b"u/1")

    async def test_a_relay_replaced_can_neither_send_nor_open(self, receiver: Receiver) -> None:
        zombie, successor = await receiver.outlet(), await receiver.outlet()
        await zombie.open(1, "")
        await zombie.send(stored(1))
        await successor.open(2, "")
        with pytest.raises(Fenced, match="a newer relay than epoch 1 has it"):
            await zombie.send(stored(2))
        with pytest.raises(Fenced, match=r"is at 2-0: a newer relay than epoch 1"):
            await zombie.open(1, "")
        await successor.send(stored(2))
        assert await receiver.ids() == ["out1", "out2"]

    async def test_of_two_with_one_epoch_the_last_to_open_has_the_stream(
        self, receiver: Receiver
    ) -> None:
        first, second = await receiver.outlet(), await receiver.outlet()
        await first.open(1, "")
        await first.send(stored(1, 2))
        assert set(await second.open(1, "")) == {"out1", "out2"}
        with pytest.raises(Fenced):
            await first.send(stored(3))
        await second.send(stored(3))
        assert await receiver.ids() == ["out1", "out2", "out3"]

    async def test_what_was_still_under_way_is_refused_after_opening_again(
        self, receiver: Receiver, url: str, prefix: str
    ) -> None:
        outlet = await receiver.outlet()
        await outlet.open(1, "")
        await outlet.send(stored(1))
        await outlet.open(1, "")
        late = await RedisLink.open(url, "")
        (reply,) = await late.transaction([("XADD", f"{prefix}:SIGNALS", "1-2", "id", "out2")])
        assert reply.is_late
        await late.close()

    async def test_fences_leave_nothing_in_the_stream(
        self, receiver: Receiver, url: str, prefix: str
    ) -> None:
        for epoch in (1, 2, 2, 7):
            await (await receiver.outlet()).open(epoch, "")
        assert await stream(url, prefix) == []


@pytest.mark.parametrize("kind", ["jsonl"])
class TestFile:
    """The file: its end, its rotation, its ownership."""

    @pytest.mark.parametrize("left", [1, 20, 70])
    async def test_a_torn_last_line_is_cut_off_and_sent_again(
        self, receiver: Receiver, path: Path, left: int
    ) -> None:
        receipt = await deliver(await receiver.outlet(), 1, "", stored(1))
        whole = path.read_bytes()
        await deliver(await receiver.outlet(), 2, receipt, stored(2))
        path.write_bytes(path.read_bytes()[: len(whole) + left])
        await deliver(await receiver.outlet(), 3, receipt, stored(2))
        assert await receiver.ids() == ["out1", "out2"]

    async def test_the_receipt_is_the_length_on_disk(self, receiver: Receiver, path: Path) -> None:
        receipt = await deliver(await receiver.outlet(), 1, "", stored(1, 2))
        assert int(receipt) == path.stat().st_size

    async def test_after_rotation_it_goes_on_in_a_new_file(
        self, receiver: Receiver, path: Path
    ) -> None:
        receipt = await deliver(await receiver.outlet(), 1, "", stored(1, 2))
        path.rename(path.with_suffix(".1"))
        receipt = await deliver(await receiver.outlet(), 2, receipt, stored(3))
        await deliver(await receiver.outlet(), 3, receipt, stored(4))
        assert await receiver.ids() == ["out3", "out4"]

    @pytest.mark.parametrize("content", [b"root:x:0:0\n", b"no newline", b"root\n" + b"x" * 99])
    async def test_a_file_that_is_not_ours_is_refused_and_left_alone(
        self, receiver: Receiver, path: Path, content: bytes
    ) -> None:
        path.write_bytes(content)
        with pytest.raises(SettingsError, match="was not written by Whispr; move the file away"):
            await (await receiver.outlet()).open(1, "")
        assert path.read_bytes() == content

    async def test_a_folder_that_is_missing_is_named(
        self, receiver: Receiver, tmp_path: Path
    ) -> None:
        outlet = JsonLinesOutlet(tmp_path / "nowhere" / "signals.jsonl")
        with pytest.raises(SettingsError, match=r"nowhere/signals\.jsonl: No such file"):
            await outlet.open(1, "")
        await outlet.close()


async def test_a_receipt_of_another_files_middle_counts_for_nothing(path: Path) -> None:
    outlet = JsonLinesOutlet(path)
    await deliver(outlet, 1, "", stored(1, 2))
    assert set(await outlet.open(2, "5")) == {"out1", "out2"}
    assert set(await outlet.open(3, "999999")) == {"out1", "out2"}
    await outlet.close()
