"""Account and position figures that a test gives, by time; before the first position there is none.

A percentage may be written as such: ``daily_pnl_pct: -2%``.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from whispr_daemon.rules.golden.given import Setting
from whispr_daemon.rules.golden.times import read_moment
from whispr_daemon.rules.names import SIDES

_SIDE: Final = "position.side"
_PERCENT: Final = re.compile(r"-?\d+(\.\d+)?%")
_NONE: Final = {"position.qty": 0.0, _SIDE: float(SIDES.index("flat"))}


def portfolio(setting: Setting, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the settings take of it: positions of the symbol tested, accounts of all.

    What is not a figure or has no time is reported.
    """
    points: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for space, symbol in (("account", ""), ("orders", ""), ("position", setting.symbol)):
        for place, figures in enumerate(given.get(space) or ()):
            path = ("given", space, place)
            moment = read_moment(str(figures.get("at", "")), setting.day)
            if moment is None:
                setting.wrong(path, 'figures begin at a time: {at: "09:33", …}', "E522")
                continue
            ts = setting.clock.ns(*moment)
            if space == "position":
                _flat(points, symbol)
            for name, value in figures.items():
                if name == "at":
                    continue
                number = _number(f"{space}.{name}", value)
                if number is None:
                    setting.wrong((*path, name), f"{value!r} is not a figure", "E522")
                    continue
                points.setdefault((symbol, f"{space}.{name}"), []).append((ts, number))
    return {"portfolio": {key: tuple(sorted(values)) for key, values in points.items()}}


def _flat(points: dict[tuple[str, str], list[tuple[int, float]]], symbol: str) -> None:
    """Say that there was no position in the beginning."""
    for name, value in _NONE.items():
        points.setdefault((symbol, name), [(0, value)])


def _number(name: str, value: object) -> float | None:
    if name == _SIDE:
        return float(SIDES.index(value)) if value in SIDES else None
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return float(value[:-1]) / 100
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
