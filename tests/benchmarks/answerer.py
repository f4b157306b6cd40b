"""The process of a floor that reads ticks from a stream and answers them: committed, then added.

It does so with bare clients, one after the other, what has come meanwhile together.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import asyncpg
import msgspec
import numpy as np
from redis import Redis

from tests.benchmarks.market import ANSWERED
from whispr_daemon.adapters.embedded import Server
from whispr_daemon.domain.batch import EVENT_DTYPE, Rows

_REPO: Final = Path(__file__).resolve().parents[2]
_ROWS: Final = "INSERT INTO {} (ts, body) SELECT unnest($1::bigint[]), $2"
_BODY: Final = "x" * 200  # about what a signal is
_LOOK: Final = 100  # milliseconds


class _Told(msgspec.Struct, frozen=True):
    redis: str
    redis_password: str
    postgres: str
    postgres_password: str
    name: str


@contextmanager
def answering(redis: Server, postgres: Server, name: str) -> Iterator[None]:
    """Run the process: it reads the stream ``name:in`` and adds to ``name:out``."""
    told = _Told(redis.url, redis.password, postgres.url, postgres.password, name)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.answerer"],
        cwd=_REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(told) + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n", "the floor's process has ended"
        try:
            yield
        finally:
            process.stdin.close()


def answered(rows: Rows) -> list[int]:
    """Return when those that are answered were due, ns UTC."""
    found: list[int] = rows["ts"][rows["volume"] == ANSWERED].tolist()
    return found


def main() -> None:
    """Answer until standard input ends."""
    told = msgspec.json.decode(sys.stdin.readline(), type=_Told)
    over = Event()

    def end() -> None:
        sys.stdin.read()
        over.set()

    Thread(target=end, daemon=True).start()
    with (
        asyncio.Runner() as runner,
        Redis.from_url(told.redis, password=told.redis_password) as client,
    ):
        store = runner.run(asyncpg.connect(told.postgres, password=told.postgres_password))
        runner.run(store.execute(f"CREATE TABLE {told.name} (ts bigint, body text)"))
        write = runner.run(store.prepare(_ROWS.format(told.name)))
        sys.stdout.write("ready\n")
        sys.stdout.flush()

        def commit(times: list[int]) -> None:
            runner.run(write.fetch(times, _BODY))

        after: Any = b"0-0"
        while not over.is_set():
            found: Any = client.xread({f"{told.name}:in": after}, block=_LOOK)
            for _, entries in found:
                after = entries[-1][0]
                _say(client, f"{told.name}:out", [fields[b"r"] for _, fields in entries], commit)
        runner.run(store.execute(f"DROP TABLE {told.name}"))
        runner.run(store.close())


def _say(
    client: Redis, stream: str, blobs: Sequence[bytes], commit: Callable[[list[int]], None]
) -> None:
    times = answered(np.frombuffer(b"".join(blobs), EVENT_DTYPE))
    if times:
        commit(times)
        answers = client.pipeline(transaction=False)
        for ts in times:
            answers.xadd(stream, {"ts_event": ts, "body": _BODY})
        answers.execute()


if __name__ == "__main__":
    main()
