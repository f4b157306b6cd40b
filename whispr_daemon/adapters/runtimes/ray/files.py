"""The files by which actors' processes tell what nobody can ask them, in the data folder."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.domain.stall import Stall

_FRESH: Final = 3_000_000_000  # ns; a process that stands still writes its note ten times a second


def log_file(data: str | Path, process: str) -> str:
    """Return the path of a process's log in the data folder; empty if there is no folder."""
    return str(Path(data).absolute() / "logs" / f"{quote(process, safe='')}.log") if data else ""


class StallNote:
    """Says, while a host's loop stands still, which unit has it: written by one, read by another.

    Where they share no folder nothing is known: then the supervisor goes by how far units are.
    """

    def __init__(self, data: str | Path, host_id: str) -> None:
        """``data`` is the data folder; empty: there is none."""
        found = log_file(data, f"host-{host_id}")
        self._path = Path(found).with_suffix(".stall") if found else None

    def write(self, stall: Stall) -> None:
        """Say it anew.

        Raises:
            OSError: the file cannot be written.
        """
        if self._path is None:
            return
        made = self._path.with_suffix(".stall-new")
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(msgspec.json.encode(stall))
        made.replace(self._path)

    def read(self) -> str:
        """Return the task that has the loop now; empty: none that is known."""
        try:
            body = b"" if self._path is None else self._path.read_bytes()
        except FileNotFoundError:
            return ""
        if not body:
            return ""
        stall = msgspec.json.decode(body, type=Stall)
        return stall.task if abs(SYSTEM_CLOCK.now() - stall.at) < _FRESH else ""
