"""A daemon with one promise taken out, to see the checker catch it: ``mutant.py NAME run …``.

The product is not touched: what is patched is patched in this process alone, before it starts.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from typing import Final
from uuid import uuid4  # noqa: TID251 - the very thing that is wrong

import msgspec

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.outlets.jsonl import JsonLinesOutlet
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.domain import outputs
from whispr_daemon.domain.outputs import Output
from whispr_daemon.engine import recovery
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.reader import Reader
from whispr_daemon.engine.unit import Unit, _Said
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store import Commit, Route

_BETWEEN: Final = 0.05  # seconds between the two transactions of what should be one


def drawn_ids() -> None:
    """Ids are drawn, not computed: nobody can tell a repetition."""

    def draw(_output: Output, _partition: int = 0) -> str:
        return uuid4().hex

    outputs.output_id = draw


def replayed_aloud() -> None:
    """What is said again in a replay counts as news."""
    follow, recover = recovery.follow, Unit._recover
    heard: list[tuple[Fold, Entry, list[Output]]] = []

    async def listen(fold: Fold, entry: Entry, reader: Reader) -> list[Output]:
        said = await follow(fold, entry, reader)
        heard.append((fold, entry, said))
        return said

    async def recover_aloud(self: Unit) -> None:
        await recover(self)
        for fold, entry, said in heard:
            if fold is self._fold:
                fold.count(said)
                self._pending += [_Said(output, entry) for output in said]

    recovery.follow = listen
    Unit._recover = recover_aloud  # type: ignore[method-assign]


def two_transactions() -> None:
    """A position becomes durable before the outputs that belong to it."""
    commit_whole = SqliteStore.commit

    async def commit(self: SqliteStore, commit: Commit) -> None:
        if not commit.outputs:
            await commit_whole(self, commit)
            return
        before = commit.out_seq - len(commit.outputs)
        bare = msgspec.structs.replace(commit, outputs=(), out_seq=before, snapshot=None)
        await commit_whole(self, bare)
        await SYSTEM_CLOCK.sleep(_BETWEEN)
        await commit_whole(self, msgspec.structs.replace(commit, old=commit.new))

    SqliteStore.commit = commit  # type: ignore[method-assign]


def forgetful_relay() -> None:
    """A relay that starts does not ask what has been delivered."""
    claim_route = SqliteStore.claim_route
    open_outlet = JsonLinesOutlet.open

    async def claim(self: SqliteStore, route: str) -> Route:
        return msgspec.structs.replace(await claim_route(self, route), cursors={})

    async def opened(self: JsonLinesOutlet, epoch: int, receipt: str) -> Collection[str]:
        await open_outlet(self, epoch, receipt)
        return ()

    SqliteStore.claim_route = claim  # type: ignore[method-assign]
    JsonLinesOutlet.open = opened  # type: ignore[method-assign]


MUTANTS: Final[Mapping[str, Callable[[], None]]] = {
    "drawn-ids": drawn_ids,
    "replayed-aloud": replayed_aloud,
    "two-transactions": two_transactions,
    "forgetful-relay": forgetful_relay,
}


if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    from whispr_daemon.cli import main

    main()
