"""Promises taken out of the process this is called in, to see the checker catch it.

The product is not touched: ``mutated/sitecustomize.py`` calls one of these in each process of a
daemon that is to be caught, before it starts.
"""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4  # noqa: TID251 - the very thing that is wrong

import msgspec

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.outlets.jsonl import JsonLinesOutlet
from whispr_daemon.adapters.outlets.redis import RedisOutlet
from whispr_daemon.adapters.stores import postgres, sqlite
from whispr_daemon.adapters.stores.postgres import PostgresStore
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.adapters.stores.statements import read_queries
from whispr_daemon.domain import outputs
from whispr_daemon.domain.outputs import Written
from whispr_daemon.engine import recovery
from whispr_daemon.engine.fold import Fold
from whispr_daemon.engine.reader import Reader
from whispr_daemon.engine.telling import Said
from whispr_daemon.engine.unit import Unit
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.ports.store import Commit, Route

_BETWEEN: Final = 0.05  # seconds between the two transactions of what should be one
_STORES: Final[tuple[Any, ...]] = (SqliteStore, PostgresStore)
_OUTLETS: Final[tuple[Any, ...]] = (JsonLinesOutlet, RedisOutlet)
_FENCES: Final = {  # what it says of epoch and position, and what that becomes
    " AND epoch = :epoch AND wm = :old": "",
    " AND epoch = $2 AND wm = $3\n        AND out_seq + cardinality($7::bigint[]) = $5": (
        " AND $2::bigint > 0 AND $3::bigint >= 0"
    ),
}


def drawn_ids() -> None:
    """Ids are drawn, not computed: nobody can tell a repetition."""

    def draw(_said: bytes) -> str:
        return uuid4().hex

    _instead(outputs, "_digest", draw)


def _instead(owner: Any, name: str, made: object) -> None:
    """Put something in a place that there has to be: a mutant that changes nothing is none."""
    getattr(owner, name)
    setattr(owner, name, made)


def replayed_aloud() -> None:
    """What is said again in a replay counts as news."""
    follow, recover = recovery.follow, Unit._recover
    heard: list[tuple[Fold, Entry, list[Written]]] = []

    async def listen(fold: Fold, entry: Entry, reader: Reader) -> list[Written]:
        said = await follow(fold, entry, reader)
        heard.append((fold, entry, said))
        return said

    async def recover_aloud(self: Unit) -> None:
        await recover(self)
        for fold, entry, said in heard:
            if fold is self._fold and said:
                fold.count(said)
                self._pending.append(Said(said, entry))
                self._held += len(said)

    _instead(recovery, "follow", listen)
    _instead(Unit, "_recover", recover_aloud)


def two_transactions() -> None:
    """A position becomes durable before the outputs that belong to it."""
    for store in _STORES:
        _instead(store, "commit", _torn(store.commit))


def _torn(commit_whole: Callable[..., Any]) -> Callable[..., Any]:
    async def commit(self: object, commit: Commit) -> None:
        if not commit.outputs:
            await commit_whole(self, commit)
            return
        before = commit.out_seq - len(commit.outputs)
        bare = msgspec.structs.replace(commit, outputs=(), out_seq=before, snapshot=None)
        await commit_whole(self, bare)
        await SYSTEM_CLOCK.sleep(_BETWEEN)
        await commit_whole(self, msgspec.structs.replace(commit, old=commit.new))

    return commit


def forgetful_relay() -> None:
    """A relay that starts does not ask what has been delivered."""
    for store in _STORES:
        _instead(store, "claim_route", _forgetful(store.claim_route))
    for outlet in _OUTLETS:
        _instead(outlet, "open", _deaf(outlet.open))


def _forgetful(claim_route: Callable[..., Any]) -> Callable[..., Any]:
    async def claim(self: object, route: str) -> Route:
        return msgspec.structs.replace(await claim_route(self, route), cursors={})

    return claim


def _deaf(open_outlet: Callable[..., Any]) -> Callable[..., Any]:
    async def opened(self: object, epoch: int, receipt: str) -> Collection[str]:
        await open_outlet(self, epoch, receipt)
        return ()

    return opened


def no_fence() -> None:
    """Whoever commits is believed, whatever its epoch, and wherever the unit stands."""

    def unfenced(technology: str) -> Mapping[str, str]:
        queries = dict(read_queries(technology))
        (fence,) = [each for each in _FENCES if each in queries["commit"]]
        queries["commit"] = queries["commit"].replace(fence, _FENCES[fence])
        return queries

    _instead(sqlite, "read_queries", unfenced)
    _instead(postgres, "read_queries", unfenced)


MUTANTS: Final[Mapping[str, Callable[[], None]]] = {
    "drawn-ids": drawn_ids,
    "replayed-aloud": replayed_aloud,
    "two-transactions": two_transactions,
    "forgetful-relay": forgetful_relay,
    "no-fence": no_fence,
}


def environment(mutant: str) -> Mapping[str, str]:
    """Return what a process and its children are to find to become this mutant."""
    here = Path(__file__)
    path = [str(here.parent / "mutated"), str(here.parents[2]), os.environ.get("PYTHONPATH", "")]
    return {
        "CHAOS_MUTANT": mutant,
        "PYTHONPATH": os.pathsep.join(each for each in path if each),
    }
