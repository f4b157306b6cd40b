"""Calendars by name: asked of exchange_calendars once, then kept in a file for the next process."""

import os
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.columns.sessions import FIRST_YEAR, LAST_YEAR, Int64s, Sessions

_FORMAT: Final = 1  # of what is kept
_LIBRARY: Final = "exchange_calendars"
_DIGEST: Final = 32  # bytes

Tell: TypeAlias = Callable[[str], None]  # of what went wrong, and need not stop anybody

_kept_in: list[tuple[Path, Tell]] = []


class _Kept(Value, frozen=True, kw_only=True):
    """A calendar as a file has it."""

    timezone: str
    midnights: bytes  # digest of what the time zone's rules say: they are not the library's
    columns: bytes  # dates, opens and closes one after the other, int64, as the machine has them


def keep_in(folder: Path, tell: Tell) -> None:
    """Keep the calendars that are asked for from now on in a folder of this user's alone.

    ``tell`` is told where that cannot be done: they are made anew then, by each process.

    To make one takes a second of processor time and 60 MB, most of it pandas; to read it, 0.05 s.
    """
    _kept_in[:] = [(folder, tell)]


@lru_cache(maxsize=64)
def calendar(name: str) -> Sessions:
    """Return the sessions of a calendar of the exchange_calendars library (``XNYS``, ``24/7`` …).

    Raises:
        SettingsError: there is no calendar of this name.
    """
    for folder, tell in _kept_in:
        # The sessions are of this version of the library and of these years, or made anew.
        key = f"{name} {version(_LIBRARY)} {FIRST_YEAR} {LAST_YEAR} {_FORMAT}"
        file = folder / f"{sha256(key.encode()).hexdigest()[:16]}.calendar"
        found = _read(file, name, tell)
        if found is None:
            found = _made(name)
            _keep(file, found, tell)
        return found
    return _made(name)


def _read(file: Path, name: str, tell: Tell) -> Sessions | None:
    """Return what was kept, None if nothing was, it is torn, or the time zone's rules changed."""
    try:
        body = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        tell(f"calendar {name} is kept, and cannot be read: {error}")
        return None
    digest, body = body[:_DIGEST], body[_DIGEST:]
    if digest != sha256(body).digest():
        return None
    kept = msgspec.msgpack.decode(body, type=_Kept)
    found = Sessions(name, kept.timezone, *_columns(kept.columns))
    return found if kept.midnights == _rules(found) else None


def _keep(file: Path, made: Sessions, tell: Tell) -> None:
    """Write a calendar down whole or not at all; that it cannot be is no reason to stop."""
    columns = np.concatenate((made.date, made.open, made.close)).tobytes()
    kept = _Kept(timezone=made.timezone, midnights=_rules(made), columns=columns)
    body = msgspec.msgpack.encode(kept)
    new = file.with_suffix(f".{os.getpid()}")  # hosts start at one time
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_bytes(sha256(body).digest() + body)
        new.replace(file)
    except OSError as error:
        tell(f"calendar {made.name} cannot be kept, so each process makes it anew: {error}")


def _columns(body: bytes) -> tuple[Int64s, Int64s, Int64s]:
    dates, opens, closes = np.frombuffer(body, dtype=np.int64).reshape(3, -1)
    return dates, opens, closes


def _rules(made: Sessions) -> bytes:
    return sha256(made.midnights.tobytes()).digest()


def _made(name: str) -> Sessions:
    # Imported here because it brings in pandas, which who reads a kept calendar need not pay for.
    import exchange_calendars as library
    from exchange_calendars.errors import InvalidCalendarName

    first, last = f"{FIRST_YEAR}-01-02", f"{LAST_YEAR}-12-31"
    try:
        found = library.get_calendar(name, start=first, end=last)
    except InvalidCalendarName as error:
        raise SettingsError(
            f"no calendar named {name!r}; known are XNYS, 24/7, CMES, XLON and the other "
            "names of the exchange_calendars library"
        ) from error
    except ValueError:  # the library does not know it for so long
        bounds = library.get_calendar(name)
        earliest, latest = bounds.bound_min(), bounds.bound_max()
        start = first if earliest is None else max(first, str(earliest)[:10])
        end = last if latest is None else min(last, str(latest)[:10])
        found = library.get_calendar(name, start=start, end=end)
    schedule = found.schedule
    return Sessions(
        name,
        str(found.tz),
        schedule.index.to_numpy().astype("datetime64[D]").astype(np.int64),
        schedule["open"].to_numpy(dtype="datetime64[ns]").astype(np.int64),
        schedule["close"].to_numpy(dtype="datetime64[ns]").astype(np.int64),
    )
