"""Alerts of the daemon itself: committed once, of no unit, and delivered as all others are."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from whispr_daemon.domain.errors import Fenced, Poison, StaleCommit, Transient
from whispr_daemon.domain.outputs import Alert, chain, output_id, written
from whispr_daemon.domain.position import ORIGIN
from whispr_daemon.ports.store import Commit, Quarantine, Store, UnitMark

SPEAKER: Final = "whispr"  # in place of a unit; the names of units hold a slash
_VERSION: Final = "1"


class Notices:
    """Commits alerts. Its claim is the supervisor's fence: of two, the older one is a zombie."""

    def __init__(self, store: Store, owner: str) -> None:
        """``owner`` is kept in the store, for people."""
        self._store = store
        self._owner = owner
        self._mark: UnitMark | None = None
        self._told: set[str] = set()  # ids

    async def check(self, marks: Mapping[str, UnitMark]) -> None:
        """Claim the place at first; afterwards see from ``marks`` that nobody else has.

        Raises:
            Fenced: a newer supervisor is at work.
            Transient: the store is away.
        """
        if self._mark is None:
            self._mark = (await self._store.claim(SPEAKER, 0, self._owner, ORIGIN)).mark
        elif SPEAKER in marks and marks[SPEAKER].epoch > self._mark.epoch:
            raise _fenced(self._mark, marks[SPEAKER])

    async def tell(self, alerts: Iterable[Alert]) -> None:
        """Commit alerts that were not told before, by this supervisor or an earlier one.

        Raises:
            Fenced: a newer supervisor is at work.
            Transient: the store is away; what is told again next time is told once.
        """
        for alert in alerts:
            if alert.id not in self._told:
                await self._commit(alert)
                self._told.add(alert.id)

    async def _commit(self, alert: Alert) -> None:
        if self._mark is None:
            raise Transient("nothing is told before the place is claimed")
        mark = await self._store.mark(SPEAKER)  # an attempt before may have happened after all
        if mark.epoch != self._mark.epoch:
            raise _fenced(self._mark, mark)
        out_hash = chain(mark.out_hash, alert)
        try:
            await self._store.commit(
                Commit(
                    unit_id=SPEAKER,
                    epoch=mark.epoch,
                    old=mark.wm,
                    new=mark.wm,
                    out_seq=mark.out_seq + 1,
                    out_hash=out_hash,
                    outputs=(written(alert),),
                )
            )
        except Poison:  # the id is taken: an earlier supervisor told it
            return
        except StaleCommit as error:  # its position never moves: only the epoch can have
            raise _fenced(self._mark, await self._store.mark(SPEAKER)) from error


def quarantine_alert(found: Quarantine) -> Alert:
    """Return what is told of a quarantine: the same alert whoever tells it, and however often."""
    return _sealed(
        Alert(
            message=(
                f"unit {found.unit_id} is quarantined at position {found.position}: {found.reason}"
            ),
            severity="critical",
            ts_event=found.since,
            data={
                "unit": found.unit_id,
                "position": str(found.position),
                "reason": found.reason,
            },
            origin=found.unit_id,
        )
    )


def down_alert(host_id: str, reason: str, ts_event: int) -> Alert:
    """Return what is told of a host that is left down, once for each time that it is."""
    return _sealed(
        Alert(
            message=f"host {host_id} is left down: {reason}",
            severity="critical",
            ts_event=ts_event,
            data={"host": host_id, "reason": reason},
            origin=host_id,
        )
    )


def _sealed(alert: Alert) -> Alert:
    versioned = msgspec.structs.replace(alert, version=_VERSION)
    return msgspec.structs.replace(versioned, id=output_id(versioned))


def _fenced(mine: UnitMark, found: UnitMark) -> Fenced:
    return Fenced(f"a newer supervisor is at work (epoch {found.epoch}, this one has {mine.epoch})")
