"""``whispr rules explain``: why a rule fired at a moment, was held back, or stayed silent."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import typer
from rich.text import Text

from whispr_daemon import log
from whispr_daemon.bootstrap.history import History, history_of
from whispr_daemon.bootstrap.rule_functions import plug_in_functions
from whispr_daemon.cli.options import Answer
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import FAILED, complain, machine, out
from whispr_daemon.domain.batch import Batch
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.ticks import GRACE
from whispr_daemon.domain.timeframe import CODE_OF, DAILY
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.explain.explaining import explain
from whispr_daemon.rules.explain.explanation import Explanation
from whispr_daemon.rules.explain.moments import moment
from whispr_daemon.rules.explain.stored import annotated, stored, told_otherwise
from whispr_daemon.rules.explain.text import body, header
from whispr_daemon.rules.explain.watching import KEPT, Watch
from whispr_daemon.rules.explain.where import Where, where_of
from whispr_daemon.rules.load import load
from whispr_daemon.rules.rule import Rule
from whispr_daemon.settings import load as load_settings

_STYLES: Final = {"fired": "bold green", "suppressed": "bold yellow", "no": "bold"}


def run(
    config: Path | None, given: Mapping[str, Any], asked: tuple[str, str, str], form: Answer
) -> None:
    """Explain every clause of a rule; ``asked`` is the rule, the instrument and the moment.

    Raises:
        SettingsError: there is no such rule, instrument, moment, or no log.
        typer.Exit: the rule was not evaluated then.
    """
    name, symbol, at = asked
    settings = load_settings(config, given)
    log.configure("warning", settings.log.format, None)
    plug_in_functions()
    history = serve(lambda _stop: history_of(settings, symbol))
    ts = _moment(history, name, symbol, at)
    rules = load(history.in_force(ts).files, universes=history.settings.universes).rules
    rule = _named(rules, name)
    watch = Watch(rules, rule.name, history.settings)
    found = _explained(history, rules, watch, symbol, ts)
    if not found:
        complain(_not_evaluated(history, watch, symbol, ts))
        raise typer.Exit(FAILED)
    if form is Answer.JSON:
        machine(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
        return
    for number, each in enumerate(found):
        if number:
            out.print()
        out.print(Text(header(each), _STYLES[each.outcome]), soft_wrap=True)
        for line in body(each):
            out.print(Text(line), soft_wrap=True)


def _named(rules: Sequence[Rule], name: str) -> Rule:
    for rule in rules:
        if rule.name == name:
            return rule
    names = [rule.name for rule in rules]
    hint = suggestion(name, names) or f"; there were {', '.join(names) or 'none'}"
    raise SettingsError(f"there was no rule {name!r} at that time{hint}")


def _where(history: History, rule: Rule, symbol: str) -> Where:
    calendars = history.settings.calendars
    return where_of(rule, calendars.get(symbol, history.settings.calendar))


def _moment(history: History, name: str, symbol: str, at: str) -> int:
    """Return the moment asked for; a bare time is of the last session in the log."""
    batch = history.batch([symbol])
    bars = batch.rows[(batch.rows["timeframe"] != DAILY) & (batch.rows["kind"] != Kind.SPLIT)]
    if not len(bars):
        raise SettingsError(f"the log holds no bars or trades of {symbol}")
    last = int(bars["ts"].max())
    newest = load(history.in_force(last).files, universes=history.settings.universes).rules
    found = [rule for rule in newest if rule.name == name] or newest
    if not found:
        raise SettingsError("there are no rules on this data folder")
    where = _where(history, found[0], symbol)
    ts = moment(at, where, last - 1)
    if ts is None:
        raise SettingsError(
            f"--at {at!r} is no moment; write 09:36, '2026-06-24 09:36' or 2026-06-24T09:36-04:00"
        )
    return ts


def _explained(
    history: History, rules: Sequence[Rule], watch: Watch, symbol: str, ts: int
) -> list[Explanation]:
    """Fold the log again up to the moment; what the store has of it goes with it."""
    rule = watch.rule
    where = _where(history, rule, symbol)
    said = [one for one in history.said if (one.origin, one.ts_event) == (rule.name, ts)]
    others = {other for each in rules for other in each.inputs.refs.values()}
    batch = history.batch([symbol, *others], ticks=True)
    rows = batch.rows
    code = CODE_OF[rule.inputs.timeframe]
    then = np.flatnonzero(rows["ts"] >= ts)
    end = int(then[0]) if len(then) else len(rows)
    mine = np.flatnonzero((rows["timeframe"][:end] == code) | (rows["timeframe"][:end] == 0))
    begin = int(mine[-KEPT]) if len(mine) > KEPT else 0
    watch.skip(Batch(rows[:begin], batch.symbols))
    watch.pass_by(Batch(rows[begin:end], batch.symbols))
    # A bar of trades is complete when something came that is later by more than the grace.
    closing = (rows["kind"] == Kind.CLOCK) | (rows["instrument"] == batch.symbols.index(symbol))
    closed = np.flatnonzero(closing & (rows["ts"] > ts + GRACE))
    after = int(closed[0]) + 1 if len(closed) else len(rows)
    for place in range(end, len(rows)):
        if place >= after and any(look.ts >= ts for look in watch.looks(symbol)):
            break
        watch.fold(Batch(rows[place : place + 1], batch.symbols))
    found = explain(watch, symbol, ts, where)
    told = told_otherwise(found, said) if found else stored(rule, said, where)
    return annotated(told, said)


def _not_evaluated(history: History, watch: Watch, symbol: str, ts: int) -> str:
    rule = watch.rule
    where = _where(history, rule, symbol)
    batch = history.batch([symbol])
    mine = (batch.rows["timeframe"] != DAILY) & (batch.rows["kind"] != Kind.SPLIT)
    bars = np.unique(batch.rows["ts"][mine])
    first, last = (where.iso(int(each)) for each in (bars[0], bars[-1]))
    times = [look.ts for look in watch.looks(symbol)]
    near = (*[each for each in times if each < ts][-1:], *[each for each in times if each > ts][:1])
    beside = " and ".join(where.iso(each) for each in near)
    return (
        f"{rule.name} did not evaluate {symbol} at {where.iso(ts)} (a bar counts at "
        f"its end). The log holds {symbol} from {first} to {last}"
        f"{'; evaluations next to it: ' if near else ''}{beside}"
    )
