"""What packages offer by entry point: strategies, and functions of the rule language."""

import difflib
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.function import RuleFunction
from whispr_daemon.ports.strategy import ColumnarStrategy, Strategy

GROUP: Final = "whispr.strategies"
FUNCTIONS: Final = "whispr.functions"
_Place: TypeAlias = tuple[str, int]  # where packages may be installed, when that changed (ns)


def installed() -> Mapping[str, EntryPoint]:
    """Return every strategy on offer, by name, in the order of names.

    Raises:
        SettingsError: two packages offer the same name.
    """
    return _offered(GROUP, "strategy")


def build(plugin: str, params: Mapping[str, Any]) -> Strategy | ColumnarStrategy:
    """Return a new strategy of an installed plug-in.

    Raises:
        SettingsError: it is not installed, cannot be imported or built, or is no strategy.
    """
    point = _found(plugin)
    factory = _loaded(point, "strategy")
    # A plug-in is foreign code: whatever it raises, say which one it was.
    try:
        strategy = factory(**params)
    except Exception as error:
        raise SettingsError(
            f"strategy {plugin} ({point.value}) does not take params {dict(params)}: {error}"
        ) from error
    if not isinstance(strategy, Strategy | ColumnarStrategy):
        raise SettingsError(
            f"strategy {plugin} ({point.value}) needs name, version and on_event (or on_batch); "
            f"{type(strategy).__name__} lacks one"
        )
    return strategy


def functions() -> tuple[RuleFunction, ...]:
    """Return every function of the rule language on offer, in the order of names.

    Raises:
        SettingsError: two packages offer the same name, one cannot be imported, or what it offers
            is no RuleFunction of that name.
    """
    return tuple(_function(point) for point in _offered(FUNCTIONS, "rule function").values())


def _function(point: EntryPoint) -> RuleFunction:
    function = _loaded(point, "rule function")
    if not isinstance(function, RuleFunction):
        raise SettingsError(
            f"rule function {point.name} ({_origin(point)}) is a {type(function).__name__}; it "
            "must be a whispr_daemon.ports.function.RuleFunction"
        )
    if function.name != point.name:
        raise SettingsError(
            f"rule function {point.name} ({_origin(point)}) calls itself {function.name!r}; the "
            "entry point must have the same name"
        )
    return function


def _offered(group: str, kind: str) -> Mapping[str, EntryPoint]:
    return _read(group, kind, tuple(_place(path) for path in sys.path))


def _place(path: str) -> _Place:
    """Return a folder, as it is now: whatever is installed into it, or uninstalled, changes it."""
    try:
        return path, Path(path).stat().st_mtime_ns
    except OSError:
        return path, 0


# What all distributions offer takes 3 ms to read; each strategy of each partition asks.
@lru_cache(maxsize=8)
def _read(group: str, kind: str, _places: tuple[_Place, ...]) -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        known = found.get(point.name)
        if known is not None and known.value != point.value:
            raise SettingsError(
                f"two packages offer a {kind} named {point.name!r}: {_origin(known)} and "
                f"{_origin(point)}; uninstall one"
            )
        found[point.name] = point
    return MappingProxyType(found)


def _loaded(point: EntryPoint, kind: str) -> Any:
    # A plug-in is foreign code: whatever it raises, say which one it was.
    try:
        return point.load()
    except Exception as error:
        raise SettingsError(
            f"{kind} {point.name} ({_origin(point)}) fails on import: {error!r}"
        ) from error


def _origin(point: EntryPoint) -> str:
    """Return what is offered and by which distribution."""
    return point.value if point.dist is None else f"{point.value} of {point.dist.name}"


def _found(plugin: str) -> EntryPoint:
    known = installed()
    if plugin not in known:
        near = difflib.get_close_matches(plugin, known, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        names = ", ".join(known) or "none"
        raise SettingsError(f"no strategy named {plugin!r} is installed{meant}; installed: {names}")
    return known[plugin]
