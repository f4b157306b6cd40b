"""The splits that a test gives: ``{date: 2026-06-24, ratio: "2:1"}``."""

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Any

from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.ratio import Rescaling, rescaling_of
from whispr_daemon.rules.golden.given import Setting
from whispr_daemon.rules.golden.market import Event, Traded
from whispr_daemon.rules.golden.times import read_date


def splits(setting: Setting, given: Mapping[str, Any]) -> Iterator[Traded]:
    """Yield each split from the midnight of its date on; those without a mistake."""
    for place, written in enumerate(given.get("splits") or ()):
        path = ("given", "splits", place)
        day, factors = read_date(str(written.get("date"))), _factors(written)
        if day is None:
            setting.wrong((*path, "date"), f"{written.get('date')!r} is not a date", "E522")
        elif factors is None:
            message = 'a split has a ratio such as "2:1", or price_factor and volume_factor above 0'
            setting.wrong(path, message, "E522")
        else:
            ts = setting.clock.ns(day, time())
            event = Event(ts, factors.price, 0.0, 0.0, 0.0, factors.volume, Kind.SPLIT)
            yield Traded(str(written.get("symbol", setting.symbol)), "", [event])


def _factors(written: Mapping[str, Any]) -> Rescaling | None:
    if "ratio" in written:
        return rescaling_of(str(written["ratio"]))
    found = [written.get("price_factor"), written.get("volume_factor", 1)]
    price, volume = (one if isinstance(one, int | float) else 0 for one in found)
    return Rescaling(float(price), float(volume)) if price > 0 and volume > 0 else None
