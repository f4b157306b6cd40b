"""What holds for every rule on any market: it does not look ahead, restarts leave no trace, and
bars, trades and quotes that come again, late or in another order change nothing."""

from collections.abc import Iterator
from zlib import crc32

import numpy as np

from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.ticks import GRACE, with_ticks
from whispr_daemon.rules.golden.case import Case
from whispr_daemon.rules.golden.engine import Make, said
from whispr_daemon.rules.golden.report import Failure, Miss
from whispr_daemon.rules.golden.said import output_in_words, when

_PREFIXES = 120  # of longer markets only so many are tried, evenly spread
_FRESH = 60  # restarts into a new engine: later ones are into the one before, which is quicker
_ECHOES = 3  # how often a bar comes again, at most


def broken(case: Case, make: Make, whole: list[Output]) -> Iterator[Failure]:
    """Yield the invariants that do not hold; ``whole`` is what comes out of all bars at once."""
    for check in (_prefix, _restart, _duplicates, _disorder):
        found = check(case, make, whole)
        if found is not None:
            yield found


def _prefix(case: Case, make: Make, whole: list[Output]) -> Failure | None:
    """What is said of the first bars must not depend on those that follow."""
    ts = case.rows["ts"]
    ends = [end for end in range(1, len(ts)) if ts[end] > ts[end - 1]]
    engine = make(case.rule, case.settings)
    blank = engine.snapshot()
    for end in ends[:: max(1, len(ends) // _PREFIXES)]:
        engine.restore(blank)
        found = list(engine.on_batch(Batch(case.rows[:end], case.symbols)))
        if found != [output for output in whole if output.ts_event <= ts[end - 1]]:
            return _failure("prefix", case, end - 1, whole, found)
    return None


def _restart(case: Case, make: Make, whole: list[Output]) -> Failure | None:
    """A snapshot taken and restored after every bar must change nothing."""
    engine = make(case.rule, case.settings)
    found: list[Output] = []
    other = engine
    for place in range(len(case.rows)):
        found += engine.on_batch(Batch(case.rows[place : place + 1], case.symbols))
        body = engine.snapshot()
        fresh = make(case.rule, case.settings) if place < _FRESH else other
        fresh.restore(body)
        if fresh.snapshot() != body:
            return _failure("restart", case, place, whole, found)
        if found != whole[: len(found)]:
            return _failure("restart", case, place, whole, found)
        engine, other = fresh, engine
    if found != whole:
        return _failure("restart", case, len(case.rows) - 1, whole, found)
    return None


def _duplicates(case: Case, make: Make, whole: list[Output]) -> Failure | None:
    """What comes again, at once or late and in any order, must change nothing."""
    engine = make(case.rule, case.settings)
    found: list[Output] = []
    for place in range(len(case.rows)):
        echoed = _echoed(case, place)
        found += engine.on_batch(Batch(echoed, case.symbols))
        if found != whole[: len(found)]:
            return _failure("duplicates", case, place, whole, found)
    if found != whole:
        return _failure("duplicates", case, len(case.rows) - 1, whole, found)
    return None


def _disorder(case: Case, make: Make, whole: list[Output]) -> Failure | None:
    """Trades that come in another order, within the grace, must make the same bars.

    A rule that sees each trade sees the order, and so does one that looks at another symbol.
    """
    rows = case.rows[case.rows["kind"] != Kind.CLOCK]
    trade = rows["kind"] == Kind.TRADE
    clauses = case.rule.clauses
    if (
        not trade.any()
        or case.rule.inputs.refs
        or any(clause.evaluate == "tick" for clause in clauses)
    ):
        return None
    late = [crc32(f"{case.name} {row['instrument']} {row['ts']}".encode()) for row in rows]
    arrival = rows["ts"] + np.where(trade, np.array(late, dtype=np.int64) % (GRACE + 1), 0)
    mixed = rows[np.argsort(arrival, kind="stable")]
    ticked, _, _ = with_ticks(mixed, np.arange(len(mixed)), 0)
    found = said(case, make, np.concatenate((ticked, case.rows[-1:])))
    if sorted(found, key=_moment) != sorted(whole, key=_moment):
        return _failure("duplicates", case, len(case.rows) - 1, whole, found)
    return None


def _moment(output: Output) -> tuple[int, str]:
    return output.ts_event, output.instrument


def _echoed(case: Case, place: int) -> Rows:
    """Return a row and, after it, some that came before or itself, the same in every run."""
    draw = crc32(f"{case.name} {place}".encode())
    again = [(draw >> 8 * time) % (place + 1) for time in range(draw % (_ECHOES + 1))]
    known = [one for one in again if _is_echo(case.rows, one, place)]
    rows: Rows = case.rows[np.array([place, *known])]
    return rows


def _is_echo(rows: Rows, one: int, place: int) -> bool:
    """Can it be told that a row has come before?

    Of a bar it can. Two trades or quotes of one moment may well be equal, and a trade may come
    late: which of them came before only their numbers say, and those ingest looks at.
    """
    kind = rows["kind"][one]
    if kind not in (Kind.TRADE, Kind.QUOTE):
        return bool(kind == Kind.BAR)
    same = rows["instrument"] == rows["instrument"][one]
    known = (rows["kind"] == kind) & same
    newest = rows["ts"][: place + 1][known[: place + 1]].max()
    return bool(rows["ts"][one] < newest - (GRACE if kind == Kind.TRADE else 0))


_EXPECTED = {
    "prefix": "what is said of the market does not depend on what comes later (no look-ahead)",
    "restart": "a snapshot restored after every row changes nothing",
    "duplicates": "rows that come again, late or in another order change nothing",
}


def _failure(
    kind: Miss, case: Case, place: int, whole: list[Output], found: list[Output]
) -> Failure:
    row = case.rows[place]
    clock = int(row["kind"]) == Kind.CLOCK
    what = "row" if clock else Kind(int(row["kind"])).name.lower()
    whose = "the clock" if clock else case.symbols[int(row["instrument"])]
    lines = [f"it broke at {what} {place + 1}, {whose} {when(int(row['ts']), case)}"]
    for number in range(max(len(whole), len(found))):
        one = whole[number] if number < len(whole) else None
        other = found[number] if number < len(found) else None
        later = one is not None and one.ts_event > int(row["ts"])
        if one != other and not (later and other is None and kind == "prefix"):
            lines.append(f"all rows at once:  {_line(one, case)}")
            lines.append(f"here:              {_line(other, case)}")
            lines += _fields(one, other)
            break
    else:
        lines.append("the restored state is not the one saved")
    return Failure(
        kind=kind,
        line=case.mark.line,
        column=case.mark.column,
        expected=_EXPECTED[kind],
        got=lines[0],
        why=tuple(lines[1:]),
    )


def _line(output: Output | None, case: Case) -> str:
    return "nothing" if output is None else output_in_words(output, case)


def _fields(one: Output | None, other: Output | None) -> list[str]:
    """Name the fields that differ where the lines look the same."""
    if one is None or other is None or type(one) is not type(other):
        return []
    names = one.__struct_fields__
    return [
        f"{name}: {getattr(one, name)!r} / {getattr(other, name)!r}"
        for name in names
        if getattr(one, name) != getattr(other, name)
    ]
