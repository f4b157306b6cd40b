"""A file of JSON lines: one committed output each, on disk before it counts as delivered."""

import asyncio
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

from whispr_daemon.domain.errors import SettingsError, Transient
from whispr_daemon.ports.store import StoredOutput

T = TypeVar("T")

_BEGINNING: Final = b'{"unit_id":"'  # of every line


class _Said(msgspec.Struct):
    id: str


class _Line(msgspec.Struct):
    """What has to be read back of a line."""

    output: _Said


_decoder: Final = msgspec.json.Decoder(_Line)


class JsonLinesOutlet:
    """Appends :class:`StoredOutput` as JSON. The receipt is the file's length in bytes.

    Nothing fences an older relay here: a file belongs to one daemon, as its data folder does.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is touched before :meth:`open`."""
        self._path = path
        self._file = -1  # its descriptor, -1 while closed
        self._ready = False  # what it holds is known
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jsonl-outlet")

    async def open(self, epoch: int, receipt: str) -> Collection[str]:
        """Cut off a torn last line, return the ids in the lines after the receipt.

        A receipt that is not at the end of a line is of another file (this one was rotated): then
        the ids of all lines are returned.

        Raises:
            SettingsError: the file cannot be opened, or is not one of this outlet.
            Transient: reading or cutting failed; open again.
        """
        delivered = await self._run(lambda: self._open(int(receipt or 0)))
        self._ready = True
        return delivered

    def _open(self, receipt: int) -> Collection[str]:
        self._release()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            file = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise SettingsError(f"signals file {self._path}: {error.strerror}") from error
        try:
            delivered = self._recover(file, receipt)
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return delivered

    def _recover(self, file: int, receipt: int) -> Collection[str]:
        delivered = set()
        with self._path.open("rb") as reader:
            end = receipt if _ends_a_line(reader, receipt) else 0
            reader.seek(end)
            for line in reader:
                if line.endswith(b"\n"):
                    delivered.add(self._id_in(line))
                    end += len(line)
                elif line[: len(_BEGINNING)] != _BEGINNING[: len(line)]:
                    raise self._foreign(line)
        os.ftruncate(file, end)
        os.fsync(file)  # the lines may be those of a process that died before its own fsync
        _sync_folder(self._path.parent)
        return delivered

    def _id_in(self, line: bytes) -> str:
        try:
            return _decoder.decode(line).output.id
        except msgspec.DecodeError as error:
            raise self._foreign(line) from error

    def _foreign(self, line: bytes) -> SettingsError:
        return SettingsError(
            f"signals file {self._path}: {line[:40]!r} was not written by Whispr;"
            " move the file away or name another"
        )

    async def send(self, outputs: Sequence[StoredOutput]) -> str:
        """Append and flush to disk; see the port."""
        if not self._ready:
            raise Transient(f"signals file {self._path}: its end is unknown; open the outlet again")
        self._ready = False  # until the outcome is known
        receipt = await self._run(lambda: self._send(outputs))
        self._ready = True
        return receipt

    def _send(self, outputs: Sequence[StoredOutput]) -> str:
        _write(self._file, b"".join(msgspec.json.encode(each) + b"\n" for each in outputs))
        os.fsync(self._file)
        return str(os.fstat(self._file).st_size)

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        self._ready = False
        await self._run(self._release)
        self._worker.shutdown(wait=False)

    def _release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    async def _run(self, work: Callable[[], T]) -> T:
        """Run in the file's own thread: what a cancelled caller began ends before anything else."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._worker, work)
        except OSError as error:
            raise Transient(f"signals file {self._path}: {error}") from error


def _ends_a_line(reader: BinaryIO, at: int) -> bool:
    if at == 0:
        return True
    reader.seek(at - 1)
    return reader.read(1) == b"\n"


def _write(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
