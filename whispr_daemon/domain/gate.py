"""Which rows of a source may enter the log, and why the others may not."""

from collections.abc import Mapping
from hashlib import blake2b
from math import inf
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import SIDES, Kind
from whispr_daemon.domain.ticks import GRACE
from whispr_daemon.domain.timeframe import NAME_OF
from whispr_daemon.domain.value import Value

_KINDS: Final = {kind.value: kind.name.lower() for kind in Kind}
_KNOWN: Final = (Kind.BAR, Kind.TRADE, Kind.QUOTE, Kind.SPLIT)
# Numbers: numpy takes long to make one of an enum.
_BAR, _TRADE, _QUOTE = int(Kind.BAR), int(Kind.TRADE), int(Kind.QUOTE)
_KINDS_AT_MOST: Final = 256  # a byte
_PRICED: Final = np.isin(np.arange(_KINDS_AT_MOST), (Kind.BAR, Kind.TRADE))  # by kind
_ONCE: Final = np.isin(np.arange(_KINDS_AT_MOST), (Kind.BAR, Kind.SPLIT))  # of one time one
_LAST: Final = "="  # before the key of a digest
_place: Final = attrgetter("index")
_PRICES: Final = ("open", "high", "low", "close")


class Refusal(Value, frozen=True, kw_only=True):
    """One row that may not enter: its index in the batch, a short code, and what was found."""

    index: int
    reason: str
    detail: str


class Judged(NamedTuple):
    """What came of rows; the arrays have shape (n,)."""

    accepted: NDArray[np.bool_]  # those that may enter
    corrections: NDArray[np.bool_]  # bars among them that only correct history
    refusals: list[Refusal]  # in row order


class Gate:
    """Remembers the newest time per instrument and kind of event; refuses what is bad or late.

    Refused are: what is no bar, trade, quote or split of a known instrument; prices, and factors of
    splits, that are NaN, infinite, zero or negative; a high below or a low above the bar's other
    prices; sizes that are NaN or negative; a row without a time; a row before its predecessor of
    the same instrument and kind, a trade if by more than the grace; a second split for the same
    time; the newest bar again, the same in all. Another bar for a time for which there was one, or
    a later one, corrects history.
    """

    def __init__(self, newest: Mapping[str, int] | None = None) -> None:
        """``newest`` is an earlier :meth:`memory`."""
        found = newest or {}
        self._newest = {int(key): ts for key, ts in found.items() if not key.startswith(_LAST)}
        self._last = {
            int(key.removeprefix(_LAST)): digest
            for key, digest in found.items()
            if key.startswith(_LAST)
        }
        self._known = np.zeros(1, dtype=bool)  # by code; the last is that of all others
        self._names = 0  # that it was made of

    def memory(self) -> dict[str, int]:
        """Return what must survive a restart for the same rows to be refused again.

        By instrument and kind: the newest time, and a digest of the newest bar.
        """
        newest = {str(key): ts for key, ts in self._newest.items()}
        return newest | {f"{_LAST}{key}": digest for key, digest in self._last.items()}

    def inspect(self, rows: Rows, symbols: Mapping[int, str]) -> Judged:
        """Return which rows may enter; ``symbols`` names the instruments, for refusals' texts.

        It only ever gets more names.
        """
        if len(rows) == 1 and self._passes(rows, symbols):
            return _PASSED
        known = self._of_known(rows, symbols)
        doubtful = np.flatnonzero(~(known & _plain(rows)))
        refusals = _refusals(rows[doubtful], known[doubtful], symbols) if len(doubtful) else {}
        accepted = np.ones(len(rows), dtype=bool)
        accepted[doubtful[list(refusals)]] = False
        found = [
            msgspec.structs.replace(refusal, index=int(doubtful[place]))
            for place, refusal in refusals.items()
        ]
        late, corrections = self._late(rows, accepted)
        for index in np.flatnonzero(late).tolist():
            text = f"{_describe(rows[index], symbols)}: a later or equal one was already taken in"
            found.append(Refusal(index=index, reason="out_of_order", detail=text))
        found.sort(key=_place)
        return Judged(accepted & ~late, corrections, found)

    def _passes(self, rows: Rows, symbols: Mapping[int, str]) -> bool:
        """Whether a row alone is a trade in order with nothing to find; then it is remembered.

        Live ticks come alone; what is made for many takes a tenth of what there is to do for one.
        """
        ((ts, code, kind, side, length, first, high, low, close, size),) = rows.tolist()
        if (
            kind != _TRADE
            or not (0 < low <= first <= high < inf and low <= close <= high and size >= 0)
            or not (length < len(NAME_OF) and side < len(SIDES) and code in symbols)
        ):
            return False
        key = code << 24 | kind << 16 | length
        if ts <= 0 or ts < self._newest.get(key, 0):
            return False
        self._newest[key] = ts
        return True

    def _of_known(self, rows: Rows, symbols: Mapping[int, str]) -> NDArray[np.bool_]:
        """Return which rows are of instruments that have names, shape (n,)."""
        if self._names != len(symbols):
            self._known = np.zeros(max(symbols) + 2, dtype=bool)
            self._known[list(symbols)] = True
            self._names = len(symbols)
        found: NDArray[np.bool_] = self._known[np.minimum(rows["instrument"], len(self._known) - 1)]
        return found

    def _late(
        self, rows: Rows, accepted: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return rows that do not come after their predecessor, and bars that correct it.

        The newest times are remembered.
        """
        late = np.zeros(len(rows), dtype=bool)
        corrections = np.zeros(len(rows), dtype=bool)
        index = np.flatnonzero(accepted)
        if not len(index):
            return late, corrections
        keys = _keys(rows)[index]
        order = np.argsort(keys, kind="stable")
        places, keys = index[order], keys[order]
        first = np.ones(len(keys), dtype=bool)
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        ends = np.empty_like(starts)
        ends[:-1], ends[-1] = starts[1:], len(keys)
        ts, kinds = rows["ts"][places], rows["kind"][places]
        groups = keys[starts].tolist()
        before = np.empty_like(ts)
        before[1:] = ts[:-1]
        before[starts] = [self._newest.get(key, 0) for key in groups]
        # Two bars of one time contradict each other; two trades or quotes may well be equal.
        once = _ONCE[kinds]
        orderly = np.logical_and.reduceat(ts > before - ~once, starts)
        self._newest.update(zip(groups, ts[ends - 1].tolist(), strict=True))
        for group in np.flatnonzero(orderly & (kinds[starts] == _BAR)).tolist():
            self._last[groups[group]] = _digest(rows[places[ends[group] - 1]])
        for group in np.flatnonzero(~orderly).tolist():
            place = places[starts[group] : ends[group]]
            newest = int(before[starts[group]])
            late[place], corrections[place] = self._sorted_out(groups[group], rows[place], newest)
        return late, corrections

    def _sorted_out(
        self, key: int, rows: Rows, newest: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return of rows of one key which are late, and which correct; shapes (n,).

        ``newest`` is the time of the newest before them.
        """
        kind, ts = int(rows["kind"][0]), rows["ts"]
        before = np.empty_like(ts)
        before[0] = newest
        np.maximum.accumulate(ts[:-1], out=before[1:])
        before[1:] = np.maximum(before[1:], before[0])
        grace = GRACE if kind == Kind.TRADE else 0
        late = ts <= before if _ONCE[kind] else ts < before - grace
        corrections = np.zeros(len(rows), dtype=bool)
        if kind == Kind.BAR:
            corrections = self._corrected(key, rows, late, newest)
            late &= ~corrections
        self._newest[key] = int(max(before[-1], ts[-1]))
        return late, corrections

    def _corrected(
        self, key: int, bars: Rows, late: NDArray[np.bool_], newest: int
    ) -> NDArray[np.bool_]:
        """Return which late bars are not the newest again; ``bars`` are of one key, in order.

        ``newest`` is the time of the newest before them.
        """
        found = late.copy()
        last = self._last.get(key, 0)
        for place, bar in enumerate(bars):
            digest, ts = _digest(bar), int(bar["ts"])
            if late[place] and digest == last:
                found[place] = False
            if ts >= newest:
                newest, last = ts, digest
        self._last[key] = last
        return found


def _plain(rows: Rows) -> NDArray[np.bool_]:
    """Return which rows have nothing that a closer look could find wrong, shape (n,)."""
    first, high, low, close = (rows[name] for name in _PRICES)
    sizes = rows["volume"]
    priced = (low > 0) & (low <= first) & (low <= close) & (first <= high) & (close <= high)
    priced &= (high < np.inf) & (sizes >= 0)
    quoted = (first > 0) & (first <= high) & (high < np.inf) & (low >= 0) & (close >= 0)
    kind = rows["kind"]
    plain: NDArray[np.bool_] = priced & _PRICED[kind] | quoted & (kind == _QUOTE)
    plain &= (rows["ts"] > 0) & (rows["timeframe"] < len(NAME_OF)) & (rows["flags"] < len(SIDES))
    return plain


def _refusals(
    rows: Rows, known: NDArray[np.bool_], symbols: Mapping[int, str]
) -> dict[int, Refusal]:
    """Return what is wrong with rows by their index; of each what is found first.

    Args:
        rows: shape (n,).
        known: which of them are of instruments that have names, shape (n,).
        symbols: those names.
    """
    refusals: dict[int, Refusal] = {}

    def refuse(found: NDArray[np.bool_], reason: str, detail: str) -> None:
        for index in np.flatnonzero(found).tolist():
            if index not in refusals:
                text = f"{_describe(rows[index], symbols)}: {detail}"
                refusals[index] = Refusal(index=index, reason=reason, detail=text)

    bar, trade, quote, split = (rows["kind"] == kind for kind in _KNOWN)
    known = known & (bar | trade | quote | split)
    shaped = known & (rows["timeframe"] < len(NAME_OF)) & (rows["flags"] < len(SIDES))
    refuse(~shaped, "unknown_shape", "it is no bar, trade, quote or split of a known instrument")
    refuse(rows["ts"] <= 0, "no_time", "it has no time")
    for name in _PRICES:
        value = rows[name]
        priced = bar | trade if name in ("low", "close") else bar | trade | quote
        refuse(priced & ~np.isfinite(value), "nan_price", f"{name} is not a number")
        refuse(priced & (value <= 0), "negative_price", f"{name} is zero or negative")
    highest = np.maximum(rows["open"], rows["close"])
    lowest = np.minimum(rows["open"], rows["close"])
    refuse(bar & (rows["high"] < highest), "crossed_bar", "high is below open or close")
    refuse(bar & (rows["low"] > lowest), "crossed_bar", "low is above open or close")
    refuse(quote & (rows["high"] < rows["open"]), "crossed_quote", "ask is below bid")
    for name, applies in (("volume", bar | trade), ("low", quote), ("close", quote)):
        bad = applies & ~(rows[name] >= 0)
        refuse(bad, "bad_size", f"{'volume' if name == 'volume' else 'size'} is negative or NaN")
    for name, of in (("open", "prices"), ("volume", "volumes")):
        bad = split & ~(np.isfinite(rows[name]) & (rows[name] > 0))
        detail = f"the factor of {of} is not a finite number above 0, as 0.5 is"
        refuse(bad, "bad_factor", detail)
    return refusals


def _digest(bar: np.void) -> int:
    return int.from_bytes(blake2b(bar.tobytes(), digest_size=7).digest())


def _keys(rows: Rows) -> NDArray[np.int64]:
    code = rows["instrument"].astype(np.int64)
    return code << 24 | rows["kind"].astype(np.int64) << 16 | rows["timeframe"].astype(np.int64)


def _of_one(found: bool) -> NDArray[np.bool_]:  # noqa: FBT001
    made = np.array([found])
    made.flags.writeable = False
    return made


_PASSED: Final = Judged(_of_one(True), _of_one(False), [])  # noqa: FBT003


def _describe(row: np.void, symbols: Mapping[int, str]) -> str:
    kind, length = int(row["kind"]), int(row["timeframe"])
    moment = np.datetime_as_string(np.datetime64(int(row["ts"]), "ns"), unit="ms")
    words = (
        NAME_OF[length] if length < len(NAME_OF) else f"length {length}",
        _KINDS.get(kind, f"kind {kind}"),
        symbols.get(int(row["instrument"]), "of no instrument"),
        f"at {moment}Z",
    )
    return " ".join(filter(None, words))
