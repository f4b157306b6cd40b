"""``emit:NAME:0.8``, ``{emit: NAME, strength, side, data}``."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.nodes import Const, Node, Type
from whispr_daemon.rules.reading.place import Place, shortened
from whispr_daemon.rules.reading.plain import mapping

_SIGNAL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SIDES: Final = ("long", "short", "flat")


def read_emit(place: Place, rest: str, start: int) -> Emit | None:
    """Read what stands behind ``emit:``, ``start`` characters into the action."""
    name, colon, strength = rest.partition(":")
    if not _SIGNAL.fullmatch(name):
        message = f"emit needs a signal name of letters, digits and _, found {shortened(name)!r}"
        place.refuse("E401", message, start)
        return None
    place.bench.emitted.add(name)
    if not colon:
        return Emit(name=name)
    number = _strength(place, strength, start + len(name) + 1)
    return None if number is None else Emit(name=name, strength=number)


def _strength(place: Place, written: object, start: int = 0) -> float | None:
    number = written if isinstance(written, str | int | float) else math.nan
    try:
        value = math.nan if isinstance(number, bool) else float(number)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    place.refuse("E401", f"the strength of a signal is a number, found {written!r}", start)
    return None


def read_emit_mapping(place: Place, written: Mapping[str, Any]) -> Emit | None:
    """Read ``{emit: NAME, strength, side, data}``."""
    said = read_emit(place.at("emit"), str(written["emit"]), 0)
    strength = None if said is None else said.strength
    if "strength" in written:
        strength = _strength(place.at("strength"), written["strength"])
        said = None if strength is None else said
    side = written.get("side", "")
    if "side" in written and side not in _SIDES:
        hint = suggestion(str(side), _SIDES)
        message = f"the side of a signal is {side!r}; expected one of {', '.join(_SIDES)}{hint}"
        place.refuse("E401", message, 0, "side")
        said = None
    data = _data(place.at("data"), written.get("data"))
    if said is None or data is None:
        return None
    return Emit(name=said.name, strength=strength, side=side, data=data)


def _data(place: Place, written: object) -> tuple[tuple[str, Node], ...] | None:
    if written is not None and not isinstance(written, dict):
        place.refuse("E401", "data is a mapping of names to expressions")
        return None
    found: list[tuple[str, Node]] = []
    for key, value in mapping(written).items():
        node = _datum(place, key, value)
        if node is not None:
            found.append((key, node))
    return tuple(found) if len(found) == len(mapping(written)) else None


def _datum(place: Place, key: str, value: object) -> Node | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Const(type=Type.NUM, start=0, end=0, value=float(value))
    if not isinstance(value, str):
        place.refuse("E401", f"{key} is no expression", 0, key)
        return None
    node = place.bench.value(value, (*place.path, key), place.scope)
    if node is not None and node.type in (Type.STR, Type.TIME, Type.DUR):
        place.refuse("E301", f"a signal carries numbers, this is a {node.type}", 0, key)
        return None
    return node
