"""The input of a chaos run, and what a daemon says of it whom nobody disturbs."""

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.integration.recordings import record
from tests.integration.replays import COMMAND
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain.outputs import Audit
from whispr_daemon.ports.store import Store, StoredOutput

SESSION_SECONDS: Final = 2.0  # real seconds that a session of 390 minutes takes at the pace
SPEED: Final = int(390 * 60 / SESSION_SECONDS)  # market seconds in a second
_REPO: Final = Path(__file__).resolve().parents[2]
RULES: Final = _REPO / "config" / "rules"
STRATEGY: Final = "ema_cross"
_PAGE: Final = 5_000


class Market(NamedTuple):
    """A recorded market and what is said of it."""

    flags: tuple[str, ...]  # of ``whispr run`` and ``whispr replay``
    said: tuple[StoredOutput, ...]

    @property
    def sendable(self) -> int:
        """How many outputs are to be delivered."""
        return sum(not isinstance(each.output, Audit) for each in self.said)


def recorded(folder: Path, seconds: float, seed: int) -> Market:
    """Record a market that takes so long at the pace, and replay it undisturbed.

    Raises:
        RuntimeError: the replay failed.
    """
    sessions = max(3, round(seconds / SESSION_SECONDS))
    files = asyncio.run(record(folder, sessions, seed=seed))
    data = folder / "undisturbed"
    asked = [str(files.minutes), "--history", str(files.days), "--rules", str(RULES)]
    ended = subprocess.run(
        [*COMMAND, "replay", *asked, "--strategy", STRATEGY, "--data", str(data)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"the undisturbed replay ended with {ended.returncode}: {ended.stderr}")
    return Market(
        flags=("--source", str(files.minutes), "--history", str(files.days)),
        said=tuple(asyncio.run(_stored(data))),
    )


async def _stored(data: Path) -> Sequence[StoredOutput]:
    store = await SqliteStore.open(data / "store.db", readonly=True)
    try:
        return await all_outputs(store)
    finally:
        await store.close()


async def all_outputs(store: Store) -> list[StoredOutput]:
    """Return every output of a store, by unit and number."""
    found: list[StoredOutput] = []
    cursors: dict[str, int] = {}
    while page := await store.outputs(cursors, _PAGE):
        found += page
        cursors.update({each.unit_id: each.out_seq for each in page})
    return sorted(found, key=lambda each: (each.unit_id, each.out_seq))
