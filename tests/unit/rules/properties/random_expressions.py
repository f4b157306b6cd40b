"""Well-typed expressions by chance, over the whole language.

What an expression is made of comes from one stream of chance, its numbers from another: the same
structure with other numbers is a rule of the same shape.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

_RUNGS: Final = ("23", "38", "50", "61", "78", "100", "123", "138", "161", "200")
_LONGEST: Final = 24  # bars, so that small markets suffice
DEPTH: Final = 3
_FIELDS: Final = ("open", "high", "low", "close", "price", "hl2", "hlc3", "ohlc4")
_SHORTHANDS: Final = ("EMA", "SMA", "WMA", "RMA", "HMA", "HIGHEST", "LOWEST")


class Words(NamedTuple):
    """The names an expression may use."""

    refs: Sequence[str] = ()
    parameters: Sequence[str] = ()
    numbers: Sequence[str] = ()  # entries of ``let`` and ``vars``
    truths: Sequence[str] = ()  # entries of ``let``
    signals: Sequence[str] = ()
    timeframes: Sequence[str] = ("5m", "1h")  # above the rule's own
    ticks: bool = False


class Figures:
    """Numbers by chance, none of them twice: what is one value in a shape stays one value."""

    def __init__(self, seed: int) -> None:
        """``seed`` says which."""
        self._random = Random(seed)
        self._lengths = list(range(2, _LONGEST + 1))
        self._random.shuffle(self._lengths)
        self._rungs = [sign + rung for rung in _RUNGS for sign in ("", "-")]
        self._random.shuffle(self._rungs)

    def length(self) -> int:
        """Return a length in bars."""
        return self._lengths.pop() if self._lengths else self._random.randrange(40, 400)

    def rung(self) -> str:
        """Return a level of the ladder."""
        return self._rungs.pop() if self._rungs else f"level({self.near(0, 2):.6f})"

    def near(self, centre: float, spread: float) -> float:
        """Return a number."""
        return round(centre + self._random.uniform(-spread, spread), 6)

    def minutes(self, most: int = 30) -> str:
        """Return a duration."""
        return f"{self._random.randrange(60, 60 * most)}s"

    def clock(self) -> str:
        """Return a time of day within the session."""
        return f"{self._random.randrange(10, 16):02}:{self._random.randrange(60):02}"

    def whole(self, least: int, most: int) -> int:
        """Return a whole number."""
        return self._random.randrange(least, most + 1)


class Expressions:
    """Writes expressions of every type."""

    def __init__(self, shape: Random, figures: Figures, words: Words) -> None:
        """Take the chances and the names."""
        self.shape, self.figures, self.words = shape, figures, words
        self._bare = False  # within an indicator: of bars alone, without memory

    def _one_of(self, *writers: Callable[[int], str], depth: int) -> str:
        return self.shape.choice(writers)(depth - 1)

    def _n(self) -> int:
        return self.figures.length()

    def _part(self, names: str) -> str:
        return self.shape.choice(names.split())

    # ------------------------------------------------------------------ numbers
    def price(self, depth: int = DEPTH) -> str:
        """Return a number of about 100."""
        if depth <= 0:
            return self._one_of(self._field, self._level, self._average, depth=0)
        return self._one_of(
            self._field,
            self._level,
            self._average,
            self._of_prices,
            self._of_bars,
            self._of_sessions,
            self._elsewhere,
            self._kept,
            self._chosen,
            self._moved,
            depth=depth,
        )

    def _source(self, depth: int) -> str:
        """Return what an indicator may be made of."""
        outer, self._bare = self._bare, True
        made = self.price(depth)
        self._bare = outer
        return made

    def _field(self, _depth: int) -> str:
        name = self.shape.choice(_FIELDS)
        return self.shape.choice((name, name, f"{name}[{self._n()}]"))

    def _level(self, _depth: int) -> str:
        forms = (
            lambda: f"atr.{self.figures.rung()}",
            lambda: f"atr.day.{self.figures.rung()}",
            lambda: f"atr.level({self.figures.near(0, 2)})",
            lambda: "atr.trigger",
            lambda: "atr.trigger.down",
            lambda: "atr.pdc",
        )
        return self.shape.choice(forms)()

    def _average(self, _depth: int) -> str:
        name = f"{self.shape.choice(_SHORTHANDS)}{self._n()}"
        return self.shape.choice((name, name, f"{name}[{self._n()}]"))

    def _of_prices(self, depth: int) -> str:
        kind = self.shape.randrange(5)
        if kind == 0:
            averages = ("sma", "ema", "rma", "wma", "hma", "vwma", "highest", "lowest")
            return f"{self.shape.choice(averages)}({self._source(depth)}, {self._n()})"
        x = self.price(depth)
        if kind == 1:
            return f"{self.shape.choice(('min', 'max'))}({x}, {self.price(depth)})"
        if kind == 2:
            return f"clamp({x}, {self.figures.near(98, 1)}, {self.figures.near(102, 1)})"
        if kind == 3:
            return f"round({x}, {self.shape.choice(('0.01', '0.05', '1'))})"
        return f"nz({x}, {self.price(depth - 1)})"

    def _of_bars(self, _depth: int) -> str:
        n = self._n()
        part = self.shape.choice(("upper", "lower", "mid"))
        forms = (
            lambda: f"bb({n}, {self.figures.near(2, 0.5)}).{part}",
            lambda: f"keltner({n}, {self.figures.near(2, 0.5)}).{part}",
            lambda: f"donchian({n}).{self.shape.choice(('upper', 'lower'))}",
            lambda: f"supertrend({n}, {self.figures.near(3, 0.5)}).line",
            lambda: self.shape.choice(("vwap", "vwap()")),
        )
        return self.shape.choice(forms)()

    def _of_sessions(self, _depth: int) -> str:
        names = "session.open session.high session.low session.vwap prev.close prev.high prev.low"
        more = ("premarket.high", "premarket.low", "opening_range.high(15m)")
        return self.shape.choice((*names.split(), *more))

    def _elsewhere(self, _depth: int) -> str:
        name = self.shape.choice(("close", "high", f"EMA{self._n()}", f"SMA{self._n()}"))
        refs, frames = self.words.refs, self.words.timeframes
        kind = self.shape.randrange(4)
        if kind == 0 and refs:
            return f"{self.shape.choice(refs)}.{name}"
        if kind == 1 and refs and frames:
            return f"{self.shape.choice(refs)}.{name}@{self.shape.choice(frames)}"
        if kind == 2 and frames:
            return f"forming({name}@{self.shape.choice(frames)})"
        return f"{name}@{self.shape.choice(frames)}" if frames else name

    def _kept(self, depth: int) -> str:
        parameters = tuple(f"${name}" for name in self.words.parameters)
        names = parameters if self._bare else (*self.words.numbers, *parameters)
        return self.shape.choice(names) if names else self.price(depth)

    def _chosen(self, depth: int) -> str:
        if not self._bare and self.shape.random() < 0.5:
            return f"value_when({self.truth(depth)}, {self.price(depth)})"
        return f"if({self.truth(depth)}, {self.price(depth)}, {self.price(depth)})"

    def _moved(self, depth: int) -> str:
        sign = self.shape.choice("+-")
        factor = self.figures.near(0.5, 0.5)
        return f"({self.price(depth)} {sign} {factor} * {self.small(depth)})"

    def share(self, depth: int = DEPTH) -> str:
        """Return a number between 0 and 100."""
        n = self._n()
        forms = (
            lambda: f"RSI{n}",
            lambda: f"rsi({self._source(depth - 1)}, {n})",
            lambda: f"stoch({n}, 3, 3).{self.shape.choice('kd')}",
            lambda: f"mfi({n})",
            lambda: f"{self.shape.choice(('adx', 'di_plus', 'di_minus'))}({n})",
            lambda: "atr.pct",
            lambda: f"(50 + 10 * {self.small(depth - 1)})",
        )
        return self.shape.choice(forms)()

    def small(self, depth: int = DEPTH) -> str:
        """Return a number of about 0."""
        n = self._n()
        if depth <= 0:
            return self.shape.choice((f"ATR{n}", f"STDEV{n}", f"ROC{n}", "tr()", "atr.value"))
        inner = depth - 1
        forms: list[Callable[[], str]] = [
            lambda: f"change({self._source(inner)}, {n})",
            lambda: f"pct_change({self._source(inner)}, {n})",
            lambda: f"mom({self._source(inner)}, {n})",
            lambda: f"roc({self._source(inner)}, {n})",
            lambda: f"stdev({self._source(inner)}, {n})",
            lambda: f"({self.price(inner)} - {self.price(inner)})",
            lambda: f"abs({self.small(inner)})",
            lambda: f"sign({self.small(inner)})",
            lambda: f"mod({self.small(inner)}, {self.figures.near(1, 0.5)})",
            lambda: f"sqrt({self.small(inner)})",
            lambda: f"log({self.small(inner)})",
            lambda: f"exp({self.small(inner)})",
            lambda: f"{self.shape.choice(('floor', 'ceil'))}({self.small(inner)})",
            lambda: f"({self.small(inner)} / {self.small(inner)})",
            lambda: f"({self.small(inner)} * {self.small(inner)})",
            lambda: f"-{self.small(inner)}",
            lambda: f"macd({n}, {self._n()}, {self._n()}).{self._part('line signal hist')}",
            lambda: f"cci({n})",
            lambda: f"bb({n}, 2).width",
            lambda: f"supertrend({n}, 3).dir",
            lambda: "po()",
            lambda: "obv()",
            lambda: "atr.pos",
            lambda: "session.gap",
        ]
        if not self._bare:
            forms += [
                lambda: f"nz(position.{self.shape.choice(('qty', 'unrealized'))}, 0)",
                lambda: f"nz(account.daily_pnl_pct, {self.figures.near(0, 1)})",
            ]
        return self.shape.choice(forms)()

    def count(self, depth: int = DEPTH) -> str:
        """Return a number of things."""
        forms: list[Callable[[], str]] = [
            lambda: f"bars_since({self.condition(depth - 1)})",
            lambda: f"count_true({self.truth(depth - 1)}, {self._n()})",
            lambda: "minutes_since_open",
            lambda: "minutes_to_close",
            lambda: "bar_index",
            lambda: "weekday",
        ]
        if self.words.signals:
            signal = self.shape.choice(self.words.signals)
            scope = self.shape.choice(("session", "day", self.figures.minutes()))
            quoted = f"'{scope}'" if scope in ("session", "day") else scope
            forms.append(lambda: f"count('{signal}', {quoted})")
        return self.shape.choice(forms)()

    # ------------------------------------------------------------------ truths
    def truth(self, depth: int = DEPTH) -> str:
        """Return a condition, which is no event."""
        if self._bare:
            return self._one_of(self._prices, self._shares, self._smalls, depth=depth)
        if depth <= 0:
            return self._one_of(self._prices, self._shares, self._time, depth=0)
        return self._one_of(
            self._prices,
            self._prices,
            self._shares,
            self._smalls,
            self._counts,
            self._time,
            self._words,
            self._runs,
            self._logic,
            self._logic,
            self._negated,
            self._unknown,
            depth=depth,
        )

    def _op(self) -> str:
        return self.shape.choice(("<", "<=", ">", ">=", "!=", "=="))

    def _prices(self, depth: int) -> str:
        a, b = self.price(depth), self.price(depth)
        kind = self.shape.randrange(6)
        if kind == 0:
            return f"{a} {self._op()} {self.figures.near(100, 1.5)}"
        if kind == 1:
            return f"{self.figures.near(99, 1)} < {a} <= {self.figures.near(101, 1)}"
        if kind == 2:
            return f"between({a}, {b}, {self.price(depth)})"
        if kind == 3:
            return f"{a} in [{b}, {self.figures.near(100, 2)}]"
        return f"{a} {self.shape.choice(('<', '<=', '>', '>='))} {b}"

    def _shares(self, depth: int) -> str:
        bound = self.figures.near(50, 25)
        return f"{self.share(depth)} {self.shape.choice('<>')} {bound}"

    def _smalls(self, depth: int) -> str:
        return f"{self.small(depth)} {self._op()} {self.figures.near(0, 0.3)}"

    def _counts(self, depth: int) -> str:
        return f"{self.count(depth)} {self._op()} {self.figures.near(6, 6)}"

    def _time(self, _depth: int) -> str:
        a, b = self.figures.clock(), self.figures.clock()
        forms = [f"time > {a}", f"between(time, {a}, {b})", "is_rth", "not is_half_day"]
        if self.words.signals:
            signal = self.shape.choice(self.words.signals)
            forms.append(f"since('{signal}') < {self.figures.minutes()}")
        return self.shape.choice(forms)

    def _words(self, _depth: int) -> str:
        forms = [
            f"ribbon.state {self.shape.choice(('==', '!='))} 'bull'",
            "ribbon.bias == 'bull'",
            "po().zone != 'launch'",
            "position.side == 'long'",
            "compressed()",
            "true",
            *(f"sym_ok({ref})" for ref in self.words.refs),
            *self.words.truths,
        ]
        return self.shape.choice(forms)

    def _runs(self, depth: int) -> str:
        name = self.shape.choice(("rising", "falling"))
        several = self.shape.choice(("all_true", "any_true"))
        if self.shape.random() < 0.5:
            return f"{name}({self._source(depth)}, 2)"
        return f"{several}({self.truth(depth)}, {self.figures.whole(2, 5)})"

    def _logic(self, depth: int) -> str:
        words = self.shape.choice((" and ", " or "))
        return f"({words.join(self.truth(depth) for _ in range(self.shape.randrange(2, 4)))})"

    def _negated(self, depth: int) -> str:
        return f"not ({self.condition(depth)})"

    def _unknown(self, depth: int) -> str:
        return f"na({self.shape.choice((self.price, self.small))(depth)})"

    # ------------------------------------------------------------------ events
    def event(self, depth: int = DEPTH) -> str:
        """Return what happens at one moment."""
        if depth <= 0:
            return self._crossing(0)
        return self._one_of(
            self._crossing,
            self._crossing,
            self._touch,
            self._both,
            self._either,
            self._emitted,
            depth=depth,
        )

    def _crossing(self, depth: int) -> str:
        name = self.shape.choice(("cross", "cross_up", "cross_down", "crossover", "crossunder"))
        pairs = (
            lambda: ("price", self._level(0)),
            lambda: (self._level(0), "price"),
            lambda: (self.price(depth), self.price(depth)),
            lambda: ("price", self._average(0)),
            lambda: (self.share(depth), self.figures.near(50, 20)),
            lambda: (self.price(depth), self.figures.near(100, 1)),
        )
        a, b = self.shape.choice(pairs)()
        infix = {"cross": "crosses", "cross_up": "crosses above", "cross_down": "crosses below"}
        if name in infix and self.shape.random() < 0.3:
            return f"{a} {infix[name]} {b}"
        return f"{name}({a}, {b})"

    def _touch(self, depth: int) -> str:
        return f"{self.shape.choice(('touch', 'touch_new'))}({self.price(depth)})"

    def _both(self, depth: int) -> str:
        return f"({self.event(depth)} and {self.truth(depth)})"

    def _either(self, depth: int) -> str:
        return f"({self.event(depth)} or {self.event(depth)})"

    def _emitted(self, depth: int) -> str:
        if not self.words.signals:
            return self._crossing(depth)
        return f"emitted('{self.shape.choice(self.words.signals)}')"

    def condition(self, depth: int = DEPTH) -> str:
        """Return a condition or an event."""
        return self.event(depth) if self.shape.random() < 0.45 else self.truth(depth)
