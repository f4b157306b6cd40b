"""Which rows of a source may enter the log, and why the others may not."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.events import SIDES, Kind
from whispr_daemon.domain.ticks import GRACE
from whispr_daemon.domain.timeframe import NAME_OF
from whispr_daemon.domain.value import Value

_KINDS: Final = {kind.value: kind.name.lower() for kind in Kind}
_KNOWN: Final = (Kind.BAR, Kind.TRADE, Kind.QUOTE, Kind.SPLIT)
_PRICES: Final = ("open", "high", "low", "close")


class Refusal(Value, frozen=True, kw_only=True):
    """One row that may not enter: its index in the batch, a short code, and what was found."""

    index: int
    reason: str
    detail: str


class Gate:
    """Remembers the newest time per instrument and kind of event; refuses what is bad or late.

    Refused are: what is no bar, trade, quote or split of a known instrument; prices, and factors of
    splits, that are NaN, infinite, zero or negative; a high below or a low above the bar's other
    prices; sizes that are NaN or negative; a row without a time; a row before its predecessor of
    the same instrument and kind, a trade if by more than the grace; a second bar or split for the
    same time.
    """

    def __init__(self, newest: Mapping[str, int] | None = None) -> None:
        """``newest`` is an earlier :meth:`memory`."""
        self._newest = {int(key): ts for key, ts in (newest or {}).items()}

    def memory(self) -> dict[str, int]:
        """Return what must survive a restart for the same rows to be refused again."""
        return {str(key): ts for key, ts in self._newest.items()}

    def inspect(
        self, rows: Rows, symbols: Mapping[int, str]
    ) -> tuple[NDArray[np.bool_], list[Refusal]]:
        """Return which rows may enter, shape (n,), and the refusals in row order.

        ``symbols`` names the instruments by code, for the refusals' texts.
        """
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
        late = self._late(rows, accepted)
        refuse(late, "out_of_order", "a later or equal one was already taken in")
        return accepted & ~late, [refusals[index] for index in sorted(refusals)]

    def _late(self, rows: Rows, accepted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return rows that do not come after their predecessor; remember the newest times."""
        late = np.zeros(len(rows), dtype=bool)
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
            once = int(rows["kind"][place[0]]) in (Kind.BAR, Kind.SPLIT)
            grace = GRACE if int(rows["kind"][place[0]]) == Kind.TRADE else 0
            late[place] = ts <= before if once else ts < before - grace
            self._newest[key] = int(max(before[-1], ts[-1]))
        return late


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
