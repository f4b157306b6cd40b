"""Filters of what is about to fire: split, rearm, limits, cooldown.

Each stops it, says so in the verdict, and returns the lines that a fire adds.
"""

from typing import Final

from whispr_daemon.rules.column import BAR, BARS, DATE, DAY, TS
from whispr_daemon.rules.compile.record import Verdict
from whispr_daemon.rules.rule import Clause, Limit
from whispr_daemon.rules.source import Source

_STOPPED_BY: Final = {"once": Verdict.ONCE, "max_fires": Verdict.MAX_FIRES}


def write_split(source: Source, verdict: str) -> None:
    """Stop everything at the first evaluation after a split: what came before it is not known."""
    muted = source.new_mute()
    with (
        source.block(f"if {verdict} == 0 and {muted} > 0:"),
        source.block(f"if {muted} == {source.column(BARS)}:"),
    ):
        source.line(f"{verdict} = {Verdict.SPLIT:d}")


def write_rearm(source: Source, verdict: str, rearm: str) -> list[str]:
    """Stop what has not been armed since it last fired; return what a fire changes."""
    spent = source.new_int()
    with source.block(f"if {rearm} == 1:"):
        source.line(f"{spent} = 0")
    with source.block(f"if {verdict} == 0 and {spent} == 1:"):
        source.line(f"{verdict} = {Verdict.REARM:d}")
    return [f"{spent} = 1"]


def write_limit(source: Source, clause: Clause, limit: Limit, verdict: str) -> list[str]:
    """Stop what has fired often enough in its scope; return what a fire changes."""
    count = source.new_int()
    scope = _scope(source, clause, limit)
    with source.block(f"if {verdict} == 0:"):
        if scope:
            within = source.new_int()
            with source.block(f"if {within} != {scope}:"):
                source.line(f"{within} = {scope}")
                source.line(f"{count} = 0")
        with source.block(f"if {count} >= {source.whole(limit.count)}:"):
            source.line(f"{verdict} = {_STOPPED_BY[limit.name]:d}")
    return [f"{count} += 1"]


def write_cooldown(source: Source, clause: Clause, last: str, verdict: str) -> list[str]:
    """Stop what fires too soon after the last fire; return what a fire changes."""
    ts = source.column(TS)
    soon = f"{ts} - {last} < {source.whole(clause.cooldown)}"
    with source.block(f"if {verdict} == 0 and {last} != 0 and {soon}:"):
        source.line(f"{verdict} = {Verdict.COOLDOWN:d}")
    return [f"{last} = {ts}"]


def _scope(source: Source, clause: Clause, limit: Limit) -> str:
    """Return what changes when the scope of a limit ends; empty: nothing does."""
    match limit.per:
        case "bar":
            return source.column(BAR if clause.evaluate == "tick" else TS)
        case "session":
            return "" if clause.span_sessions else source.column(DATE)
        case "day":
            return source.column(DAY)
        case "ever":
            return ""
