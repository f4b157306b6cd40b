"""All columns of all clocks: made once a batch, in the order of what reads what."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from whispr_daemon.rules.column import BARS, PRICE, Column, level_key
from whispr_daemon.rules.columns.clock import Clock
from whispr_daemon.rules.columns.desk import Desk
from whispr_daemon.rules.columns.joins import JoinMaker
from whispr_daemon.rules.columns.ladders import LadderMaker
from whispr_daemon.rules.columns.maker import NOTHING, Maker
from whispr_daemon.rules.columns.moments import ClockMaker, PortfolioMaker
from whispr_daemon.rules.columns.places import Places
from whispr_daemon.rules.columns.plain import FIELDS
from whispr_daemon.rules.columns.series import ExpressionMaker, MeanMaker, SeriesMaker
from whispr_daemon.rules.columns.session_columns import (
    SESSIONS,
    RangeMaker,
    SessionMaker,
    range_key,
)
from whispr_daemon.rules.columns.slots import Selection, Slots
from whispr_daemon.rules.columns.table import Table
from whispr_daemon.rules.compile.parts import carried_faults, faults_of
from whispr_daemon.rules.functions.warmth import carried_counts, needs_of
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.nodes import (
    AsOf,
    ClockValue,
    Forming,
    Level,
    LevelValue,
    Named,
    Node,
    PortfolioValue,
    Price,
    Series,
    SessionValue,
    Type,
)
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.tree import canonical, children, walk

Making: TypeAlias = Callable[[Desk], Maker]

_CLOSE: Final = Price(type=Type.NUM, start=0, end=0, field="close")
_OWN: Final = (Price, Series, SessionValue, ClockValue, PortfolioValue, AsOf, Forming)


class Bank:
    """Knows which columns are wanted, keeps their state, fills them in."""

    def __init__(
        self, slots: Slots, settings: RuleSettings, compiler: Compiler = UNCOMPILED
    ) -> None:
        """Start with no clock."""
        self.desks: dict[Clock, Desk] = {}  # a clock of ticks after its base
        self.makers: dict[tuple[Clock, str], Maker] = {}  # each after what it reads
        self._foreign: dict[tuple[Clock, str], frozenset[str]] = {}  # symbols each refers to
        self._brought: dict[tuple[Clock, Column], str] = {}  # from elsewhere, by whom
        self._alone: dict[tuple[object, ...], SeriesMaker] = {}  # by what they are alike in
        self._slots = slots
        self._settings = settings
        self._compiler = compiler

    # ------------------------------------------------------------------ what is wanted
    def desk(self, clock: Clock) -> Desk:
        """Return the desk of a clock."""
        if clock not in self.desks:
            base = None
            if clock.evaluate == "tick" and not clock.forming:
                base = self.desk(clock.base)
            settings = self._settings
            calendars = {**settings.calendars, "": settings.calendar}
            places = Places(self._slots, {"": clock.calendar} if clock.calendar else calendars)
            self.desks[clock] = Desk(clock, places, base, self._compiler)
        return self.desks[clock]

    def ask(self, clock: Clock, column: Column) -> None:
        """Provide for a column of the clock itself or of its bars, as compiled rules name it."""
        self.desk(clock).asked.add(column)
        if column.key in FIELDS:
            self.want(clock, Price(type=Type.NUM, start=0, end=0, field=column.key))

    def want(self, clock: Clock, node: Node) -> None:  # noqa: C901, PLR0912 (one case a node)
        """Provide for everything an expression reads at the rows of a clock."""
        match node:
            case AsOf(timeframe=timeframe):
                self._join(clock, node, clock.base._replace(timeframe=timeframe))
            case Forming():
                self._forming(clock, node)
            case Price() | Series() if self.desk(clock).on_ticks and canonical(node) != PRICE.key:
                self._want_of_bar(clock, node)
            case Price(field=field):
                if field not in FIELDS and field != PRICE.key:
                    self._add(clock, field, lambda desk: MeanMaker(desk, field))
            case Series():
                for source in children(node):
                    self._want_column(clock, source)
                if (clock, canonical(node)) not in self.makers:
                    self._add(clock, canonical(node), lambda desk: SeriesMaker(desk, node), node)
                    self._pair(clock, canonical(node))
            case Level(ladder=ladder) | LevelValue(ladder=ladder):
                pinned = self._settings.pinned_levels
                key = level_key(ladder)
                self._add(clock, key, lambda desk: LadderMaker(desk, ladder, pinned))
                self._look_at_range(clock, key, node)
                if isinstance(node, LevelValue) and node.name == "pos":
                    self.want(clock, _CLOSE)
            case SessionValue():
                self._session(clock, node)
            case ClockValue(name=name):
                self._add(clock, name, lambda desk: ClockMaker(desk, name))
            case PortfolioValue(name=name):
                given = self._settings.portfolio
                self._add(clock, name, lambda desk: PortfolioMaker(desk, name, given))
            case _:
                for child in children(node):
                    self.want(clock, child)

    def _add(self, clock: Clock, key: str, make: Making, read: Node | None = None) -> None:
        """Make what is not there yet; ``read`` is the expression that it reads and remembers."""
        if (clock, key) not in self.makers:
            self.makers[clock, key] = make(self.desk(clock))
            self._foreign[clock, key] = _referred(read)

    def _pair(self, clock: Clock, key: str) -> None:
        """Let a new indicator be folded beside one that is alike, if one is alone."""
        maker = self.makers[clock, key]
        if not isinstance(maker, SeriesMaker) or maker.alike is None:
            return
        alone = self._alone.pop(maker.alike, None)
        if alone is None:
            self._alone[maker.alike] = maker
        else:
            alone.lead(maker)

    def _look_at_range(self, clock: Clock, key: str, node: Level | LevelValue) -> None:
        maker = self.makers[clock, key]
        if isinstance(maker, LadderMaker) and isinstance(node, LevelValue) and node.name == "pct":
            maker.look_at_range()

    def _want_column(self, clock: Clock, node: Node) -> None:
        """Provide for a column of its own for an expression."""
        self.want(clock, node)
        bare = node
        while isinstance(bare, Named):
            bare = bare.node
        if not isinstance(bare, _OWN):
            self._add(clock, canonical(node), lambda desk: ExpressionMaker(desk, node))

    def _session(self, clock: Clock, node: SessionValue) -> None:
        if node.name.startswith("premarket"):
            self.desk(clock).look_around()
        if node.minutes:
            minutes = node.minutes
            self._add(clock, range_key(minutes), lambda desk: RangeMaker(desk, minutes))
        else:
            self._add(clock, SESSIONS, SessionMaker)

    def _forming(self, clock: Clock, node: Forming) -> None:
        base = clock.base._replace(timeframe=node.timeframe, forming=True)
        if clock.evaluate == "tick":
            base = base._replace(evaluate="tick")
        elif node.timeframe == clock.timeframe:
            base = clock.base  # at a bar's close nothing of the next one has been seen
        self._join(clock, node, base)

    def _join(self, clock: Clock, node: AsOf | Forming, other: Clock) -> None:
        """Provide for columns of another clock or symbol at the rows of this one."""
        self._want_column(other, node.node)
        key = canonical(node)
        symbol = node.symbol if isinstance(node, AsOf) else ""
        value = {Column(canonical(node.node)): Column(key)}
        brought = {**value, **carried_counts(node), **carried_faults(node)}
        self._carry(clock, key, other, (brought, symbol), node.node)

    def _want_of_bar(self, clock: Clock, node: Node) -> None:
        """Provide for what a clock of ticks knows of the last complete bar."""
        self._want_column(clock.base, node)
        counts = (need.column for need in needs_of(node))
        columns = [Column(canonical(node)), *counts, *faults_of(node)]
        brought = {column: column for column in columns}
        self._carry(clock, canonical(node), clock.base, (brought, ""), node)

    def _carry(
        self, clock: Clock, key: str, other: Clock, what: tuple[dict[Column, Column], str], of: Node
    ) -> None:
        there = self.desk(other)
        brought, symbol = what
        self._add(clock, key, lambda desk: JoinMaker(desk, key, there, brought, symbol), of)
        for column in brought.values():
            self._brought.setdefault((clock, column), key)

    # ------------------------------------------------------------------ the fold
    def take(self, selection: Selection) -> None:
        """Begin a batch: all desks have their rows."""
        for desk in self.desks.values():
            desk.take(selection)

    def fill(self, without: Collection[Maker] = ()) -> None:
        """Fill all columns over these rows but those of makers it goes ``without``."""
        for maker in self.makers.values():
            if maker not in without:
                maker.fill()

    def counter(self, clock: Clock, column: Column) -> Callable[[int], NDArray[np.int64]]:
        """Return what says how far a count is, of so many slots.

        It has one of each slot, then that of an instrument not seen so far.
        """
        if column == BARS:
            return self.desk(clock).counts
        key = self._brought.get((clock, column), column.key)
        maker = self.makers.get((clock, key))
        return partial(NOTHING.counts, 0) if maker is None else partial(maker.counts, column)

    # ------------------------------------------------------------------ state
    def made_of(self, symbols: Collection[str]) -> set[str]:
        """Return the keys of state that was made of these instruments for others, too."""
        return {
            _spelled(clock, key)
            for (clock, key), read in self._foreign.items()
            if not read.isdisjoint(symbols)
        }

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Yield all state with the keys under which it is saved."""
        for clock, desk in self.desks.items():
            named: Mapping[str, Table] = desk.tables()
            for name, table in named.items():
                yield f"{clock.spelled()}\x1f{name}", table
        for (clock, key), maker in self.makers.items():
            if maker.table is not None:
                yield _spelled(clock, key), maker.table


def _spelled(clock: Clock, key: str) -> str:
    return f"{clock.spelled()}\x1fof {key}"


def _referred(read: Node | None) -> frozenset[str]:
    found = () if read is None else walk(read)
    return frozenset(node.symbol for node in found if isinstance(node, AsOf) and node.symbol)
