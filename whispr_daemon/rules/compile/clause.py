"""The way of a clause through its filters, as lines: condition → gap → when → for → edge → split →
rearm → limits → cooldown → fire. The first that stops what would have fired is its verdict."""

from itertools import chain
from typing import NamedTuple

from whispr_daemon.rules.column import DATE, LAPSE, TS
from whispr_daemon.rules.compile.codegen import Translation
from whispr_daemon.rules.compile.filters import (
    write_cooldown,
    write_limit,
    write_rearm,
    write_split,
)
from whispr_daemon.rules.compile.parts import Part, asked, faults_of, may_fail, remembers
from whispr_daemon.rules.compile.record import FAULTS, LAST_STOPPED, PLUGGED, Verdict
from whispr_daemon.rules.compile.sequence import Search, write_search
from whispr_daemon.rules.compile.writing import Writing
from whispr_daemon.rules.nodes import Type
from whispr_daemon.rules.rule import Clause
from whispr_daemon.rules.source import Event, mere


class Track(NamedTuple):
    """State of a truth on its way to an edge: since when it holds, and what it was before."""

    since: str  # empty: there is no ``for``
    seen: str  # empty: there is no edge to find


def write_clause(source: Translation, part: Part, ready: str, writing: Writing) -> None:
    """Write a clause. Its state is taken of the present block of ``source``."""
    raised = dict.fromkeys(chain.from_iterable(map(faults_of, part.trees)))
    if not (raised or may_fail(part)):
        _write_verdict(source, part, ready, writing)
        return
    faults = source.new_int()
    with source.block(f"if {faults} < {FAULTS}:"):
        source.trouble = source.name("0")
        for column in raised:
            with source.block(f"if {source.column(column)} != 0:"):
                source.line(f"{source.trouble} = {PLUGGED}")
        _write_verdict(source, part, ready, writing)
        with source.block(f"if not {ready} or {source.trouble} == 0:"):
            source.line(f"{faults} = 0")
        with source.block("else:"):
            source.line(f"{faults} += 1")
            with source.block(f"if {faults} == 1 or {faults} == {FAULTS}:"):
                told = source.name(f"{Verdict.ERROR:d} if {faults} == 1 else {Verdict.DISABLED:d}")
                writing.record(part, told, mere("0"), source.trouble)
        source.trouble = ""
    with source.block("elif r == trace:"):
        writing.bare(part.number, Verdict.OFF)


def _write_verdict(source: Translation, part: Part, ready: str, writing: Writing) -> None:
    clause = part.clause
    edged = _takes_edges(clause)
    tracks = [_track(source, clause, edged=edged) for _ in range(2 if part.when and edged else 1)]
    search = Search.of(source, clause.sequence) if clause.sequence is not None else None
    last = source.new_int() if clause.cooldown else ""
    _write_resets(source, clause, tracks, search, last)

    event = _write_condition(source, clause, search, ready)
    gate = source.truth(part.when) if part.when is not None else ""
    rearm = source.truth(clause.rearm) if clause.rearm is not None else ""
    for node in asked(clause):
        if remembers(node):
            source.number(node)  # a cross sees every bar, fired or not

    verdict = source.name(str(int(Verdict.WARMING)))
    with source.block(f"if {ready}:"):
        _write_gates(source, clause, verdict, event, gate, tracks)
        write_split(source, verdict)
        changes = write_rearm(source, verdict, rearm) if rearm else []
        for limit in clause.limits:
            changes += write_limit(source, clause, limit, verdict)
        if clause.cooldown:
            changes += write_cooldown(source, clause, last, verdict)
        _write_lines(source, f"if {verdict} == 0:", changes)
    _write_cold(source, tracks)
    if search is not None:
        with source.block(f"if {search.late} == 1:"):
            writing.record(part, str(int(Verdict.TIMEOUT)), mere("0"), search.done)
            writing.acts(part, clause.on_timeout)
    with source.block(f"if {verdict} <= {LAST_STOPPED:d} or r == trace:"):
        writing.record(part, verdict, event, search.done if search else "0")
        if writing.changes(clause.actions):
            with source.block(f"if {verdict} == 0:"):
                writing.acts(part, clause.actions)


def _write_cold(source: Translation, tracks: list[Track]) -> None:
    """What is not warm yet does not arm."""
    names = (name for track in tracks for name in track if name)
    _write_lines(source, "else:", [f"{name} = 0" for name in names])


def _write_lines(source: Translation, head: str, lines: list[str]) -> None:
    if lines:
        with source.block(head):
            for line in lines:
                source.line(line)


def _write_condition(
    source: Translation, clause: Clause, search: Search | None, ready: str
) -> Event:
    if search is not None:
        return write_search(source, search, ready)
    condition = clause.condition
    assert condition is not None  # noqa: S101 (a clause has one, or a sequence)
    return (
        source.event(condition) if condition.type is Type.EVENT else mere(source.truth(condition))
    )


def _takes_edges(clause: Clause) -> bool:
    """Does it fire on the edges of a truth, not whenever it is true?"""
    if clause.edge != "auto":
        return clause.edge == "rising"
    return clause.condition is not None and clause.condition.type is not Type.EVENT


def _track(source: Translation, clause: Clause, *, edged: bool) -> Track:
    since = source.new_int(armed=True) if clause.hold else ""
    return Track(since, source.new_int(armed=True) if edged else "")


def _write_resets(
    source: Translation, clause: Clause, tracks: list[Track], search: Search | None, last: str
) -> None:
    """At a session's end timers and sequences end; after a gap what was seen is unknown."""
    since = [track.since for track in tracks if track.since]
    over = [*since, last] if last else since
    if (over or search is not None) and not clause.span_sessions:
        date = source.new_int()
        with source.block(f"if {date} != {source.column(DATE)}:"):
            source.line(f"{date} = {source.column(DATE)}")
            for name in over:
                source.line(f"{name} = 0")
            if search is not None:
                search.write_end(source)
    unknown = [*since, *(track.seen for track in tracks if track.seen)]
    waits = search is not None and search.waits
    if not unknown and not waits:
        return
    with source.block(f"if {source.column(LAPSE)} > stale:"):
        for name in unknown:
            source.line(f"{name} = 0")
        if search is not None and waits:
            search.write_gap(source)


def _write_gates(
    source: Translation,
    clause: Clause,
    verdict: str,
    event: Event,
    gate: str,
    tracks: list[Track],
) -> None:
    """The condition, the gap filter, ``when``, ``for`` and the edge."""
    source.line(
        f"{verdict} = 0 if {event.truth} == 1 else "
        f"({Verdict.NA:d} if {event.truth} == 0 else {Verdict.FALSE:d})"
    )
    gated = event.truth
    if clause.gap != "include" or gate:
        gated = source.name(event.truth)
    if clause.gap != "include":
        wrong = 1 if clause.gap == "exclude" else 0
        with source.block(f"if {verdict} == 0 and {event.gap} == {wrong}:"):
            source.line(f"{verdict} = {Verdict.GAP:d}")
            source.line(f"{gated} = -1")
    if gate:
        with source.block(f"if {verdict} == 0 and {gate} != 1:"):
            source.line(f"{verdict} = {Verdict.WHEN:d}")
        source.line(f"{gated} = min({gated}, {gate})")
        for raw in tracks[1:]:
            without = _write_track(source, clause, raw, event.truth)
            with source.block(f"if {verdict} == {Verdict.WHEN:d} and {without} != 0:"):
                source.line(f"{verdict} = {Verdict.GATED:d}")
    if tracks[0].since or tracks[0].seen:
        held = _write_track(source, clause, tracks[0], gated)
        with source.block(f"if {verdict} == 0:"):
            source.line(f"{verdict} = {held}")


def _write_track(source: Translation, clause: Clause, track: Track, truth: str) -> str:
    """Write ``for`` and the edge of a truth; the variable is 0 where it comes through."""
    through = source.name(f"0 if {truth} == 1 else {Verdict.FALSE:d}")
    if track.since:
        ts = source.column(TS)
        with source.block(f"if {truth} == 1:"):
            with source.block(f"if {track.since} == 0:"):
                source.line(f"{track.since} = {ts}")
            with source.block(f"if {ts} - {track.since} < {source.whole(clause.hold)}:"):
                source.line(f"{through} = {Verdict.PENDING:d}")
        with source.block("else:"):
            source.line(f"{track.since} = 0")
    if track.seen:
        no_edge = f"{track.seen} == 1" if clause.fire_on_start else f"{track.seen} != -1"
        with source.block(f"if {through} == 0 and {no_edge}:"):
            source.line(f"{through} = {Verdict.NO_EDGE:d}")
        known = f" and {truth} != 0" if clause.fire_on_start else ""  # na keeps what was seen
        with source.block(f"if {through} != {Verdict.PENDING:d}{known}:"):
            source.line(f"{track.seen} = {truth}")
    return through
