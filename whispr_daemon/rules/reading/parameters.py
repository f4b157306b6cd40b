"""``params``: values by name, their bounds, and values given from outside."""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from whispr_daemon.rules.check.literals import clock_minutes
from whispr_daemon.rules.check.periods import PeriodRefusedError, nanos
from whispr_daemon.rules.check.scope import Given
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.nodes import Type
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.plain import mapping, text

Overrides: TypeAlias = Mapping[str, float | str]

_PERCENT: Final = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,18})?)%")
_CLOCK: Final = re.compile(r"[0-9]{2}:[0-9]{2}")


def read_parameters(bench: Bench, overrides: Overrides) -> dict[str, Given | None]:
    """Return the parameters of a rule, None where one is wrong.

    ``overrides`` take the place of defaults.
    """
    timeframe = text(mapping(bench.data.get("inputs")).get("timeframe"), "1m")
    found: dict[str, Given | None] = {}
    written = mapping(bench.data.get("params"))
    for name, value in written.items():
        found[name] = _parameter(bench, ("params", name), value, overrides.get(name), timeframe)
    for name in overrides:
        if name not in written:
            hint = suggestion(name, written)
            bench.refuse(("params",), "E513", f"the rule has no parameter {name!r}{hint}")
    return found


def _parameter(
    bench: Bench, path: Path, written: object, override: float | str | None, timeframe: str
) -> Given | None:
    said = mapping(written)
    default = said.get("default") if said else written
    given = read_value(default, timeframe)
    if given is None:
        if default is not None and not isinstance(default, dict | list):
            place = (*path, "default") if said else path
            bench.refuse(place, "E513", f"{default!r} is no number, percentage, duration or time")
        return None
    bounds: dict[str, float] = {}
    for key in ("min", "max", "step"):
        if key in said:
            bound = read_value(said[key], timeframe)
            if bound is None or bound.type is not given.type:
                message = f"{key} is {said[key]!r}; expected a {given.type}, as the default is"
                bench.refuse((*path, key), "E513", message)
            else:
                bounds[key] = bound.value
    if not _in_bounds(bench, path, (default, given.value), bounds):
        return None
    if override is None:
        return given
    other = read_value(override, timeframe)
    if other is None or other.type is not given.type:
        message = f"{path[-1]} is set to {override!r}; expected a {given.type}"
        bench.refuse(path, "E513", message)
        return None
    return other if _in_bounds(bench, path, (override, other.value), bounds) else None


def _in_bounds(
    bench: Bench, path: Path, shown: tuple[object, float], bounds: Mapping[str, float]
) -> bool:
    written, value = shown
    said = mapping(mapping(bench.data["params"]).get(str(path[-1])))
    if value < bounds.get("min", value):
        message = f"{path[-1]} is {written}; the least it may be is {said['min']}"
    elif value > bounds.get("max", value):
        message = f"{path[-1]} is {written}; the most it may be is {said['max']}"
    else:
        return True
    bench.refuse((*path, "default"), "E513", message)
    return False


def read_value(written: object, timeframe: str) -> Given | None:
    """Return a number, a percentage, a duration or a time of day; None if it is none of them."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        return Given(Type.NUM, float(written))
    if not isinstance(written, str):
        return None
    percent = _PERCENT.fullmatch(written)
    if percent is not None:
        return Given(Type.NUM, float(percent[1]) / 100)
    if _CLOCK.fullmatch(written):
        minutes = clock_minutes(written)
        return None if minutes is None else Given(Type.TIME, float(minutes))
    try:
        return Given(Type.DUR, float(nanos(written, timeframe)))
    except PeriodRefusedError:
        return None
