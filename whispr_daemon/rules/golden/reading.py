"""The ``tests:`` of a document as cases; every mistake in them with its place."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from whispr_daemon.rules.document.document import Document, Path
from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.golden.given import MARKET, Setting, by_symbol, daily, pins, traded
from whispr_daemon.rules.golden.market import Traded, rows_of
from whispr_daemon.rules.golden.parameters import with_parameters
from whispr_daemon.rules.golden.portfolio import portfolio
from whispr_daemon.rules.golden.splits import splits
from whispr_daemon.rules.golden.times import A_WEDNESDAY, clock_of, read_date
from whispr_daemon.rules.golden.wanted import Wanted
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings

DEFAULT_SYMBOL: Final = "SPY"


def cases(
    document: Document, rule: Rule, file: RuleFile, files: Mapping[str, str]
) -> Iterator[Case | None]:
    """Yield the tests that stand in a document, of the rule read from ``file``; None: a mistake.

    Mistakes are reported to the document. ``files`` has the daily bars, by path.
    """
    data = document.data
    listed = data.get("tests") if isinstance(data, dict) else None
    for place, written in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(written, dict):
            yield _case(document, ("tests", place), (rule, file), files)


def _case(
    document: Document, path: Path, source: tuple[Rule, RuleFile], files: Mapping[str, str]
) -> Case | None:
    before = len(document.diagnostics)
    written: dict[str, Any] = document.data["tests"][path[1]]
    rule, file = source
    params = written.get("params") or {}
    if params:
        changed = with_parameters(rule, file, params, document, (*path, "params"))
        if changed is None:
            return None
        rule = changed
    rule = _awake(rule, written)
    symbol = _symbol(rule, written)
    clock = clock_of(rule)
    day = _day(document, path, written)
    if day is None:
        return None
    setting = Setting(document, path, clock, day, symbol)
    if rule.inputs.symbols and not {"*", symbol} & set(rule.inputs.symbols):
        about = ", ".join(rule.inputs.symbols)
        setting.wrong(("symbol",), f"the rule is about {about}, not about {symbol}", "E524")
        return None
    market = traded(setting, written)
    if market is None:
        return None
    given = written.get("given") or {}
    if "daily" in given:
        days = daily(setting, str(given["daily"]), files)
        if days is not None:
            market.append(days)
    rows, symbols = rows_of([*market, *splits(setting, given)], symbol, clock.length)
    if "date" not in written:
        setting = setting._replace(day=_first_day(setting, market))
    settings = RuleSettings(
        watchlist=_watched(rule, symbol, symbols),
        require=written.get("warmup", "formed"),
        pinned_levels=dict(pins(setting, given.get("atr"))),
        **portfolio(setting, given),
    )
    wanted = Wanted(setting, rule, file, written)
    expect, values, suppressed = wanted.expect(), wanted.values(), wanted.suppressed()
    if any(found.severity == "error" for found in document.diagnostics[before:]):
        return None
    return Case(
        name=str(written.get("name", "")),
        path=document.path,
        mark=document.value((*path, "name")),
        rule=rule,
        settings=settings,
        clock=clock,
        rows=rows,
        symbols=symbols,
        expect=expect,
        values=values,
        suppressed=suppressed,
    )


def _awake(rule: Rule, written: Mapping[str, Any]) -> Rule:
    """Return the rule as it would run live, also if it is switched off or in the shadow."""
    inputs = rule.inputs
    if "warmup" in written:
        inputs = msgspec.structs.replace(inputs, require=written["warmup"])
    clauses = tuple(msgspec.structs.replace(clause, mode="live") for clause in rule.clauses)
    return msgspec.structs.replace(rule, enabled=True, mode="live", inputs=inputs, clauses=clauses)


def _symbol(rule: Rule, written: Mapping[str, Any]) -> str:
    named = [symbol for symbol in rule.inputs.symbols if symbol != "*"]
    listed = [name for key in MARKET for name in by_symbol(key, written.get(key)) or ()]
    known = [symbol for symbol in (*named, *listed) if not listed or symbol in listed]
    return str(written.get("symbol") or (known[0] if known else DEFAULT_SYMBOL))


def _watched(rule: Rule, symbol: str, symbols: Sequence[str]) -> tuple[str, ...]:
    """Return the instruments a rule is about that names none: those it does not refer to."""
    others = set(rule.inputs.refs.values()) - {symbol}
    return tuple(each for each in symbols if each not in others)


def _day(document: Document, path: Path, written: Mapping[str, Any]) -> date | None:
    """Return the date that a test says, or the usual one; None if it says none that exists."""
    if "date" not in written:
        return A_WEDNESDAY
    found = read_date(str(written["date"]))
    if found is None:
        message = f"{written['date']!r} is not a date such as 2026-06-24"
        document.report(document.value((*path, "date")), "E524", message)
    return found


def _first_day(setting: Setting, market: Sequence[Traded]) -> date:
    """Return the date of what happens first: that of times without a date."""
    clock = setting.clock
    lengths = {clock.timeframe: clock.length, "": 0}
    starts = [
        each.events[0].end - lengths[each.timeframe]
        for each in market
        if each.events and each.timeframe in lengths
    ]
    return clock.local(min(starts)).date() if starts else setting.day
