"""A daemon on Ray without Postgres, then without Valkey, a minute each: what it says and loses.

``python -m tests.integration.outages [SECONDS]`` prints a line for each and ends with 1 where
something was lost, said twice, or not told of.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from redis import Redis

from tests.integration.daemons import Daemon, until
from tests.integration.recordings import record
from tests.integration.replays import finish, start
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.embedded import EmbeddedPostgres, EmbeddedValkey, Server

_ROOT: Final = Path(__file__).resolve().parents[2]
_SESSIONS: Final = 2
_BARS: Final = 390 * _SESSIONS  # minutes
_NOTICED_WITHIN: Final = 30.0  # seconds
_BACK_WITHIN: Final = 60.0


def say(what: str) -> None:
    """Print a line at once."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


def endpoint(daemon: Daemon, path: str) -> str:
    """Return what the daemon's endpoint answers, nothing while it does not."""
    found = daemon.running()
    if found is None:
        return ""
    try:
        with urllib.request.urlopen(f"{found.health_url}{path}", timeout=5) as answer:
            return str(answer.read(), "utf-8")
    except urllib.error.HTTPError as refusal:
        return str(refusal.read(), "utf-8")
    except OSError:
        return ""


def reasons(daemon: Daemon) -> list[str]:
    """Return why it is not ready."""
    found = endpoint(daemon, "/readyz")
    told: dict[str, Any] = json.loads(found) if found else {"reasons": ["no answer"]}
    return list(told["reasons"])


def outage(
    daemon: Daemon, port: str, take: Callable[[], None], give: Callable[[], None], seconds: float
) -> None:
    """Take a server away for a while; print what the daemon said of it, and what came then."""
    before = daemon.errors
    take()
    noticed = until(
        lambda: any(f"{port}: away for" in each for each in reasons(daemon)), _NOTICED_WITHIN
    )
    counted = until(lambda: f'port="{port}"}} 0.0' in endpoint(daemon, "/metrics"), _NOTICED_WITHIN)
    time.sleep(max(0.0, seconds - noticed - counted))  # noqa: TID251 - servers keep real time
    said = reasons(daemon)
    outputs = daemon.outputs()
    give()
    back = until(lambda: not reasons(daemon), _BACK_WITHIN)
    went_on = until(lambda: daemon.outputs() > outputs, _BACK_WITHIN)
    lines = daemon.errors[len(before) :].count("trying again")
    say(
        f"without {port} for {seconds:g} s: on /readyz after {noticed:.1f} s, in the figures after "
        f"{noticed + counted:.1f} s, {lines} lines in the daemon's log; ready {back:.1f} s after "
        f"it was back, new outputs {back + went_on:.1f} s after"
    )
    for reason in said:
        say(f"  /readyz: {reason}")


def main(seconds: float) -> int:
    """Run it; return the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="w-"))
    folder.chmod(0o755)  # the Postgres of root's is another user's
    postgres, valkey = EmbeddedPostgres(SYSTEM_CLOCK), EmbeddedValkey(SYSTEM_CLOCK)
    home = folder / "servers"
    home.mkdir(mode=0o755)

    def started(server: EmbeddedPostgres | EmbeddedValkey) -> Server:
        return asyncio.run(server.start(home))

    stores, streams = started(postgres), started(valkey)
    files = asyncio.run(record(folder, _SESSIONS))
    flags = ["--source", str(files.minutes), "--history", str(files.days)]
    rules = _ROOT / "config" / "rules"
    replay = start([files.minutes, *flags[2:], "--rules", rules, "--format", "csv"], folder)
    expected = sorted(finish(replay).splitlines()[1:])
    settings = {
        "tier": 1,
        "rules": {"dir": str(rules)},
        "health": {"port": 0},
        "outlets": [{"kind": "redis"}],
        "postgres": {"url": stores.url, "password": stores.password},
        "redis": {"url": streams.url, "password": streams.password},
    }
    pace = round(_BARS * 60 / (2 * seconds + 60))
    daemon = Daemon(folder, settings, *flags, "--speed", str(pace)).start()
    try:
        say(f"started in {until(lambda: daemon.outputs() > 0, 120):.1f} s, {len(expected)} outputs")
        for port, server in (("store", postgres), ("log", valkey)):
            outage(
                daemon,
                port,
                lambda server=server: asyncio.run(server.stop()),  # type: ignore[misc]
                lambda server=server: started(server) and None,  # type: ignore[misc]
                seconds,
            )
        until(lambda: daemon.outputs() >= len(expected), 4 * seconds + 120)
        with Redis.from_url(streams.url, password=streams.password) as client:
            until(lambda: client.xlen("whispr:SIGNALS") >= len(expected))
            sent = [fields[b"id"].decode() for _, fields in client.xrange("whispr:SIGNALS")]
        rows = daemon.rows()
        stopped = daemon.end(within=60)
    finally:
        daemon.discard()
        asyncio.run(valkey.stop())
        asyncio.run(postgres.stop())
        shutil.rmtree(folder)
    lost = len(set(expected) - set(rows))
    wrong = len(set(rows) - set(expected))
    twice = len(sent) - len(set(sent))
    say(f"lost {lost}, said beyond {wrong}, delivered twice {twice}, exit status {stopped}")
    return int(bool(lost or wrong or twice or stopped))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
