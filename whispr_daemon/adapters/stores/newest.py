"""Outputs that were committed last, in memory: who delivers them at once need not ask the store."""

from collections.abc import Mapping, Sequence
from typing import Final

from whispr_daemon.domain.outputs import Written
from whispr_daemon.ports.store import StoredOutput

_MOST: Final = 1_000  # outputs; more are read from the file, in pages


class NewestOutputs:
    """All outputs since a moment at which somebody had read whatever there was.

    It is never needed: who asks for more than it has, or when it has nothing, asks the store.
    """

    def __init__(self) -> None:
        """Nobody has read yet."""
        self._begin: Mapping[str, int] | None = None  # by unit, out_seq at that moment
        self._since: dict[str, list[StoredOutput]] = {}
        self._count = 0

    def forget(self) -> None:
        """Know nothing until all is read again."""
        self._begin = None
        self._since, self._count = {}, 0

    def all_read(self, after: Mapping[str, int], outputs: Sequence[StoredOutput]) -> None:
        """Take in that these outputs are all there are above the cursors."""
        self.forget()
        self._begin = {**after, **{each.unit_id: each.out_seq for each in outputs}}

    def add(self, unit_id: str, first: int, outputs: Sequence[Written], created: int) -> None:
        """Take in outputs that are durable, numbered from ``first`` on, with their time.

        Those that are known already are passed over. Where one before them is not known, or they
        are too many, all is forgotten.
        """
        if self._begin is None or not outputs:
            return
        since = self._since.setdefault(unit_id, [])
        last = since[-1].out_seq if since else self._begin.get(unit_id, 0)
        if first > last + 1:
            self.forget()
            return
        new = outputs[last + 1 - first :]
        self._count += len(new)
        if self._count > _MOST:
            self.forget()
            return
        since += [
            StoredOutput(unit_id=unit_id, out_seq=number, created=created, output=output.output)
            for number, output in enumerate(new, last + 1)
        ]

    def after(self, cursors: Mapping[str, int], limit: int) -> list[StoredOutput]:
        """Return outputs above the cursors as a store does; none where only the store can tell."""
        begin = self._begin
        if begin is None or any(cursors.get(unit, 0) < begin[unit] for unit in begin):
            return []
        found: list[StoredOutput] = []
        for unit in sorted(self._since):
            since = self._since[unit]
            if not since:
                continue
            found += since[max(0, cursors.get(unit, 0) + 1 - since[0].out_seq) :]
        return found[:limit]
