"""One commit made certain: sent until it is known to be durable."""

import structlog

from whispr_daemon.domain.errors import Fatal, Fenced, StaleCommit, Transient
from whispr_daemon.engine.crash import crash_here
from whispr_daemon.engine.reader import Reader
from whispr_daemon.engine.retry import Backoff
from whispr_daemon.ports.clock import Clock
from whispr_daemon.ports.store import Commit, Store

_journal = structlog.get_logger("whispr.unit")


async def settle(commit: Commit, store: Store, clock: Clock, reader: Reader) -> None:
    """Return when the commit is durable; where that is unsure, ask.

    Raises:
        Fenced: another owner has claimed the unit.
        Fatal: the unit stands where neither this commit nor the one before it left it.
        Poison: an output's id is taken by another output.
    """
    backoff = Backoff(clock)
    while True:
        try:
            crash_here("before_commit")
            await store.commit(commit)
        except (StaleCommit, Transient) as error:
            _journal.warning(
                "commit unsure", unit=commit.unit_id, error=str(error), position=str(commit.new)
            )
            await backoff.wait()
            mark = await reader.persist("mark", lambda: store.mark(commit.unit_id))
        else:
            crash_here("after_commit")
            return
        if mark.epoch != commit.epoch:
            raise Fenced(f"{commit.unit_id}: epoch {mark.epoch} took over from {commit.epoch}")
        if mark.wm == commit.new and commit.new != commit.old:
            return  # it had happened
        if mark.wm != commit.old:
            raise Fatal(
                f"{commit.unit_id}: durable up to {mark.wm}, expected {commit.old} or {commit.new}"
            )
