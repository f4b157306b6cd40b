"""Finds strategies that packages offer under the entry point group ``whispr.strategies``."""

import difflib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.ports.strategy import ColumnarStrategy, Strategy

GROUP: Final = "whispr.strategies"


def installed() -> dict[str, EntryPoint]:
    """Return every strategy on offer, by name, in the order of names.

    Raises:
        SettingsError: two packages offer the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        known = found.get(point.name)
        if known is not None and known.value != point.value:
            raise SettingsError(
                f"two packages offer a strategy named {point.name!r}: {known.value} and "
                f"{point.value}; uninstall one"
            )
        found[point.name] = point
    return found


def build(plugin: str, params: Mapping[str, Any]) -> Strategy | ColumnarStrategy:
    """Return a new strategy of an installed plug-in.

    Raises:
        SettingsError: it is not installed, cannot be imported or built, or is no strategy.
    """
    point = _found(plugin)
    # A plug-in is foreign code: whatever it raises, say which one it was.
    try:
        factory = point.load()
    except Exception as error:
        raise SettingsError(
            f"strategy {plugin} ({point.value}) fails on import: {error!r}"
        ) from error
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


def _found(plugin: str) -> EntryPoint:
    known = installed()
    if plugin not in known:
        near = difflib.get_close_matches(plugin, known, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        names = ", ".join(known) or "none"
        raise SettingsError(f"no strategy named {plugin!r} is installed{meant}; installed: {names}")
    return known[plugin]
