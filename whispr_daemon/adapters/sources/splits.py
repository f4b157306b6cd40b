"""A file of splits and dividends: from when on an instrument trades in other terms."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from whispr_daemon.adapters.sources.shapes import Shape
from whispr_daemon.adapters.sources.tables import Table
from whispr_daemon.domain.batch import Rows, empty_rows
from whispr_daemon.domain.errors import SourceError
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.ratio import Rescaling, rescaling_of
from whispr_daemon.domain.timeframe import NANOS_OF, SECOND

ZoneOf: TypeAlias = Callable[[str], str]  # the time zone of an instrument's exchange
CloseBefore: TypeAlias = Callable[[str, int], float | None]  # last price of a symbol before a ts

_WHEN: Final = ("date", "ts")
_WHAT: Final = ("ratio", "price_factor", "dividend")
_OPTIONAL: Final = ("volume_factor",)
_SHAPE: Final = Shape(name="splits", kind=Kind.SPLIT, needed=(), optional=(), fields={})


class Prices:
    """The last prices of symbols before a time, from bars and trades."""

    def __init__(self, tables: Sequence[Table]) -> None:
        """``tables`` are timed; of one time the later table is right."""
        self._tables = [table for table in tables if table.shape.kind in (Kind.BAR, Kind.TRADE)]
        self._of: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

    def before(self, symbol: str, ts: int) -> float | None:
        """Return the last close of a symbol before a time, None if there is none."""
        if symbol not in self._of:
            self._of[symbol] = self._closes(symbol)
        times, closes = self._of[symbol]
        place = int(times.searchsorted(ts))
        return float(closes[place - 1]) if place else None

    def _closes(self, symbol: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        parts = [empty_rows(0)]
        for table in self._tables:
            if symbol in table.symbols:
                rows = table.rows[table.rows["instrument"] == table.symbols.index(symbol)]
                parts.append(rows[(rows["ts"] > 0) & (rows["close"] > 0)])
        rows = np.concatenate(parts)
        times = rows["ts"] - np.array(NANOS_OF)[rows["timeframe"]] // 2
        order = np.argsort(times, kind="stable")
        return times[order], rows["close"][order]


def read_splits(
    path: Path, label: str, symbols: Collection[str], zone_of: ZoneOf, close_before: CloseBefore
) -> Table:
    """Read one file; of other than ``symbols`` nothing is taken.

    A row has ``symbol``, ``date`` (the first day in new terms; from its midnight on the exchange's
    clock) or ``ts``, and ``ratio`` (2:1: two for one), ``price_factor`` (what earlier prices are
    multiplied by; ``volume_factor`` for volumes, else 1) or ``dividend`` (per share: prices before
    are lowered by its part of the last close).

    Raises:
        SourceError: it is absent, unreadable, or a row is not like this (said with the row).
    """
    if not path.is_file():
        raise SourceError(f"{label}: there is no such file")
    try:
        content = path.read_bytes()
        table = pq.read_table(path) if path.suffix in (".parquet", ".pq") else _csv(path)
        written = table.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{label}: cannot be read: {error}") from error
    _check(label, table.column_names)
    codes: dict[str, int] = {}
    rows: list[Rows] = []
    numbers: list[int] = []
    for number, row in enumerate(written, start=1):
        where = f"{label}:row {number}"
        symbol = str(row["symbol"] or "")
        if symbol not in symbols:
            continue
        ts = _moment(where, row, zone_of(symbol))
        factors = _factors(where, row, partial(close_before, symbol, ts))
        made = empty_rows(1)
        made["ts"], made["kind"] = ts, Kind.SPLIT
        made["instrument"] = codes.setdefault(symbol, len(codes))
        made["open"], made["volume"] = factors
        rows.append(made)
        numbers.append(number)
    return Table(
        label=label,
        shape=_SHAPE,
        has_session=False,
        digest=blake2b(content, digest_size=16).hexdigest(),
        found=frozenset(str(row["symbol"]) for row in written),
        rows=np.concatenate([empty_rows(0), *rows]),
        symbols=tuple(codes),
        numbers=np.array(numbers, dtype=np.int64),
    )


def _csv(path: Path) -> pa.Table:
    names = (*_WHEN, "symbol", *_WHAT, *_OPTIONAL)
    convert = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True
    )
    return pa_csv.read_csv(path, convert_options=convert)


def _check(label: str, found: Sequence[str]) -> None:
    if "symbol" not in found or not set(_WHEN) & set(found) or not set(_WHAT) & set(found):
        raise SourceError(
            f"{label}: splits need the columns symbol, {' or '.join(_WHEN)}, and "
            f"{', '.join(_WHAT[:-1])} or {_WHAT[-1]}; found {', '.join(found)}"
        )


def _moment(where: str, row: Mapping[str, Any], zone: str) -> int:
    """Return from when on prices are in new terms, ns UTC."""
    written = row.get("ts") if row.get("ts") is not None else row.get("date")
    try:
        if row.get("ts") is not None:
            moment = written if isinstance(written, datetime) else _parsed(str(written))
        else:
            day = written if isinstance(written, date) else date.fromisoformat(str(written))
            moment = datetime.combine(day, time(), ZoneInfo(zone))
    except ValueError as error:
        raise SourceError(
            f"{where}: {written!r} is no moment: a date is like 2026-06-24, a ts like "
            "2026-06-24T04:00:00Z"
        ) from error
    return round(moment.astimezone(UTC).timestamp()) * SECOND


def _parsed(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("without an offset")
    return moment


def _factors(
    where: str, row: Mapping[str, Any], last_close: Callable[[], float | None]
) -> Rescaling:
    price, volume = 1.0, 1.0
    said = [name for name in (*_WHAT, *_OPTIONAL) if row.get(name) is not None]
    if not set(said) & set(_WHAT):
        raise SourceError(f"{where}: there is no {', '.join(_WHAT[:-1])} or {_WHAT[-1]} in it")
    if "ratio" in said:
        price, volume = _ratio(where, str(row["ratio"]))
    if "price_factor" in said:
        price *= _number(where, row, "price_factor")
    if "volume_factor" in said:
        volume *= _number(where, row, "volume_factor")
    if "dividend" in said:
        dividend, close = _number(where, row, "dividend"), last_close()
        if close is None or dividend >= close:
            found = (
                "there is no price before it" if close is None else f"the last close is {close:g}"
            )
            raise SourceError(
                f"{where}: a dividend of {dividend:g} lowers earlier prices by its part of the "
                f"last close, and {found}; name its price_factor instead"
            )
        price *= 1 - dividend / close
    return Rescaling(price, volume)


def _ratio(where: str, written: str) -> Rescaling:
    found = rescaling_of(written)
    if found is None:
        raise SourceError(
            f"{where}: ratio is {written!r}; it should be like 2:1 (two new shares for one), or "
            "1:10 (one for ten)"
        )
    return found


def _number(where: str, row: Mapping[str, Any], name: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise SourceError(f"{where}: {name} is {row[name]!r}; it should be a number above 0")
    return value
