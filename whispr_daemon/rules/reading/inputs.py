"""``inputs``: what a rule looks at."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.names import DEFAULT_LENGTH, MODES
from whispr_daemon.rules.nodes import Ladder
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.plain import flag, mapping, number, text, texts, whole, word
from whispr_daemon.rules.reading.vocabulary import read_refs
from whispr_daemon.rules.rule import Inputs

DEFAULT_TRIGGER = 0.236

Universes = Mapping[str, Sequence[str]]
NO_UNIVERSES: Final[Universes] = MappingProxyType({})


def read_ladder(written: Mapping[str, Any]) -> Ladder:
    """Return the ladder that ``atr.…`` is of, from ``inputs.atr``."""
    return Ladder(
        mode=word(written.get("mode"), MODES),
        length=whole(written.get("length"), DEFAULT_LENGTH),
        session=word(written.get("session"), ("rth", "eth")),
        anchor=word(written.get("anchor"), ("official", "last_trade")),
        use_current_close=flag(written.get("use_current_close")),
        rounding=word(written.get("rounding"), ("none", "cents")),
    )


def read_trigger(written: Mapping[str, Any]) -> float:
    """Return the fraction of the ATR that ``atr.trigger`` stands at."""
    return number(written.get("trigger"), DEFAULT_TRIGGER)


def read_inputs(bench: Bench, universes: Universes) -> Inputs:
    """Return what a rule looks at; what is wrong with it is reported."""
    inputs = mapping(bench.data.get("inputs"))
    warmup = mapping(inputs.get("warmup"))
    timeframe = text(inputs.get("timeframe"), "1m")
    _check_calendar(bench, inputs)
    if inputs.get("price") == "mark":
        message = "no source brings mark prices: mark is the middle of bid and ask"
        bench.document.note(bench.document.value(("inputs", "price")), "W104", message)
    require = warmup.get("require")
    return Inputs(
        timeframe=timeframe,
        session=word(inputs.get("session"), ("rth", "eth", "24x7")),
        calendar=text(inputs.get("calendar")),
        symbols=_symbols(bench, inputs, universes),
        refs=read_refs(bench),
        evaluate=word(inputs.get("evaluate"), ("bar_close", "tick")),
        price=word(inputs.get("price"), ("last", "mid", "bid", "ask", "mark")),
        missing=word(inputs.get("missing"), ("skip", "carry")),
        stale_after=bench.duration(inputs.get("stale_after"), ("inputs", "stale_after"), timeframe),
        require=require if require in ("converged", "formed") else None,
        bars=whole(warmup.get("bars"), 0),
    )


def _symbols(bench: Bench, inputs: Mapping[str, Any], universes: Universes) -> tuple[str, ...]:
    name = inputs.get("universe")
    if not isinstance(name, str):
        return texts(inputs.get("symbols"))
    path = ("inputs", "universe")
    if "symbols" in inputs:
        bench.refuse(path, "E512", "a rule has symbols or a universe, not both")
    elif name not in universes:
        known = suggestion(name, universes) or f" (known: {', '.join(universes) or 'none'})"
        bench.refuse(path, "E512", f"no universe named {name!r}{known}")
    return tuple(universes.get(name, ()))


def _check_calendar(bench: Bench, inputs: Mapping[str, Any]) -> None:
    name, zone = inputs.get("calendar"), inputs.get("timezone")
    local = ""
    if isinstance(name, str):
        try:
            local = calendar(name).timezone
        except SettingsError as error:
            bench.refuse(("inputs", "calendar"), "E508", str(error))
    if not isinstance(zone, str):
        return
    path = ("inputs", "timezone")
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        bench.refuse(path, "E508", f"no timezone named {zone!r}")
        return
    if local and local != zone:
        bench.refuse(path, "E508", f"the clocks of {name} stand in {local}, not in {zone}")
    elif not local:
        message = "clock times are those of each instrument's exchange, whatever stands here"
        bench.document.note(bench.document.value(path), "W102", message)
