"""Which rows of a source may enter the log, and why the others may not."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import SIDES, Kind
from whispr_daemon.domain.ticks import GRACE
from whispr_daemon.domain.timeframe import NAME_OF
from whispr_daemon.domain.value import Value

_KINDS: Final = {kind.value: kind.name.lower() for kind in Kind}
_KNOWN: Final = (Kind.BAR, Kind.TRADE, Kind.QUOTE, Kind.SPLIT)
_LAST: Final = "="  # before the key of a digest
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

    def memory(self) -> dict[str, int]:
        """Return what must survive a restart for the same rows to be refused again.

        By instrument and kind: the newest time, and a digest of the newest bar.
        """
        newest = {str(key): ts for key, ts in self._newest.items()}
        return newest | {f"{_LAST}{key}": digest for key, digest in self._last.items()}

    def inspect(self, rows: Rows, symbols: Mapping[int, str]) -> Judged:
        """Return which rows may enter; ``symbols`` names the instruments, for refusals' texts."""
        refusals: dict[int, Refusal] = {}

        def refuse(found: NDArray[np.bool_], reason: str, detail: str) -> None:
            for index in np.flatnonzero(found).tolist():
                if index not in refusals:
                    text = f"{_describe(rows[index], symbols)}: {detail}"
                    refusals[index] = Refusal(index=index, reason=reason, detail=text)

        bar, trade, quote, split = (rows["kind"] == kind for kind in _KNOWN)
        known = np.isin(rows["instrument"], list(symbols)) & (bar | trade | quote | split)
        length = rows["timeframe"]
        shaped = known & (length < len(NAME_OF)) & (rows["flags"] < len(SIDES))
        refuse(
            ~shaped, "unknown_shape", "it is no bar, trade, quote or split of a known instrument"
        )
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
            refuse(
                bad, "bad_size", f"{'volume' if name == 'volume' else 'size'} is negative or NaN"
            )
        for name, of in (("open", "prices"), ("volume", "volumes")):
            bad = split & ~(np.isfinite(rows[name]) & (rows[name] > 0))
            detail = f"the factor of {of} is not a finite number above 0, as 0.5 is"
            refuse(bad, "bad_factor", detail)
        accepted = np.ones(len(rows), dtype=bool)
        accepted[list(refusals)] = False
        late, corrections = self._late(rows, accepted)
        refuse(late, "out_of_order", "a later or equal one was already taken in")
        found = [refusals[index] for index in sorted(refusals)]
        return Judged(accepted & ~late, corrections, found)

    def _late(
        self, rows: Rows, accepted: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return rows that do not come after their predecessor, and bars that correct it.

        The newest times are remembered.
        """
        late = np.zeros(len(rows), dtype=bool)
        corrections = np.zeros(len(rows), dtype=bool)
        index = np.flatnonzero(accepted)
        keys = _keys(rows[index])
        order = np.argsort(keys, kind="stable")
        cuts = np.flatnonzero(np.diff(keys[order])) + 1
        for group in np.split(order, cuts):
            if not len(group):
                continue
            place = index[group]
            key = int(keys[group[0]])
            ts = rows["ts"][place]
            before = np.empty_like(ts)
            before[0] = self._newest.get(key, 0)
            np.maximum.accumulate(ts[:-1], out=before[1:])
            before[1:] = np.maximum(before[1:], before[0])
            # Two bars of one time contradict each other; two trades or quotes may well be equal.
            kind = int(rows["kind"][place[0]])
            once = kind in (Kind.BAR, Kind.SPLIT)
            grace = GRACE if kind == Kind.TRADE else 0
            late[place] = ts <= before if once else ts < before - grace
            if kind == Kind.BAR:
                corrections[place] = self._corrected(key, rows[place], late[place])
                late[place] &= ~corrections[place]
            self._newest[key] = int(max(before[-1], ts[-1]))
        return late, corrections

    def _corrected(self, key: int, bars: Rows, late: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which late bars are not the newest again; ``bars`` are of one key, in order."""
        found = late.copy()
        if not late.any():
            self._last[key] = _digest(bars[-1])
            return found
        newest, last = self._newest.get(key, 0), self._last.get(key, 0)
        for place, bar in enumerate(bars):
            digest, ts = _digest(bar), int(bar["ts"])
            if late[place] and digest == last:
                found[place] = False
            if ts >= newest:
                newest, last = ts, digest
        self._last[key] = last
        return found


def _digest(bar: np.void) -> int:
    return int.from_bytes(blake2b(bar.tobytes(), digest_size=7).digest())


def _keys(rows: Rows) -> NDArray[np.int64]:
    code = rows["instrument"].astype(np.int64)
    return code << 24 | rows["kind"].astype(np.int64) << 16 | rows["timeframe"].astype(np.int64)


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
