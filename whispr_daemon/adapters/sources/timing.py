"""When rows of files are: moved to the ends of their bars, and the order of their symbols."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.adapters.sources.tables import Table
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.errors import SourceError
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, DAILY, DAY, HOUR, NANOS_OF

_ALMOST_A_DAY: Final = 20 * HOUR  # the shortest day of a time zone has 23 h; weekends have more
_NEVER: Final = np.iinfo(np.int64).min
_SOME: Final = 1_000  # steps between rows that say what most are like


def set_time(table: Table, bars: str, *, is_history: bool) -> None:
    """Move the rows of a file from the start of their bar to its end.

    Raises:
        SourceError: ``is_history``, and these are no daily bars.
    """
    if is_history and table.shape.kind is not Kind.BAR:
        raise SourceError(
            f"{table.label}: history should be daily bars; these are {table.shape.name}"
        )
    apart = spacing(table.rows)
    daily = table.shape.kind is Kind.BAR and (
        apart >= _ALMOST_A_DAY if apart else is_history or table.has_session
    )
    if is_history and not daily:
        raise SourceError(
            f"{table.label}: history should be daily bars; these are {apart / 1e9:g} s apart"
        )
    present = table.rows["ts"] != 0
    if daily:
        table.rows["ts"][present] += DAY
        table.rows["timeframe"] = DAILY
    elif table.shape.kind is not Kind.TRADE:
        table.rows["ts"][present] += NANOS_OF[CODE_OF[bars]]
        if table.shape.kind is Kind.BAR:
            table.rows["timeframe"] = CODE_OF[bars]


def sort_keys(table: Table) -> NDArray[np.int64]:
    """Return for each row the latest time of its symbol so far in the file: where it is sorted.

    Of a table with n rows, shape (n,), ns.
    """
    rows = table.rows
    times = np.where(rows["ts"] == 0, _NEVER, rows["ts"])
    if (times[1:] >= times[:-1]).all():  # then they are for each symbol
        return times
    if len(table.symbols) == 1:
        latest: NDArray[np.int64] = np.maximum.accumulate(times)
        return latest
    order = _by_symbol(rows["instrument"])
    times = times[order]
    starts = np.flatnonzero(np.diff(rows["instrument"][order])) + 1
    for symbol_times in np.split(times, starts):
        np.maximum.accumulate(symbol_times, out=symbol_times)
    keys = np.empty_like(times)
    keys[order] = times
    return keys


def spacing(rows: Rows) -> int:
    """Return the usual distance between two rows of a symbol, ns; 0 if there are no two."""
    times, codes = rows["ts"], rows["instrument"]
    if not times.all():  # a row without a time
        present = times != 0
        times, codes = times[present], codes[present]
    if len(codes) and (codes != codes[0]).any():
        order = _by_symbol(codes)
        codes, times = codes.take(order), times.take(order)
        steps = np.diff(times)
        steps[codes[1:] != codes[:-1]] = 0
    else:
        steps = np.diff(times)
    count = int(np.count_nonzero(steps > 0))
    some = steps[:_SOME]
    if (some > 0).any():
        likely = int(np.median(some[some > 0]))
        # What more than half of them are is in their middle: nobody has to sort them.
        if 2 * int(np.count_nonzero(steps == likely)) > count + 1:
            return likely
    steps = np.sort(steps[steps > 0])
    middle = steps[(count - 1) // 2 : count // 2 + 1]
    return int(middle.mean()) if count else 0


def _by_symbol(codes: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Return the order that has the rows of a symbol together, those of each as they were."""
    few = int(codes.max(initial=0)) <= np.iinfo(np.uint16).max
    return np.argsort(codes.astype(np.uint16) if few else codes, kind="stable")  # short: by radix
