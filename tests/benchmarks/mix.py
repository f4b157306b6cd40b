"""Thousands of rules as a desk may have them: some dozens of shapes, whose numbers vary.

What the mix holds, of 10,000 rules with 16,750 clauses:

- 40 kinds of conditions, alone or two or three in a rule, so some fifty shapes of rules: crosses
  of averages and of levels, touches, breakouts of ranges, bands and channels, momentum, volume,
  opening ranges, gaps, sessions and times of day, values of other timeframes;
- a quarter with ``for``, a sequence, a count of bars or since when; all have ``once``, a cooldown
  or ``max_fires``; some ``rearm``, a gate (``when``), a description, tags;
- lengths that people take (EMA 5 to 200, RSI 7 to 21), so many rules ask for the same columns;
  thresholds, times and factors that are almost never the same in two rules;
- evaluated at every minute bar, for every symbol, one in ten at five-minute bars (which are made of
  the minutes): each fifth minute has more to do than the others. :func:`rules` makes the same for
  one symbol each, too;
- as many fires as a desk may have, or more: thresholds are far in the tails, and a share of 0.01 to
  0.1 % of what is evaluated becomes a signal over generated prices (at 1,000 rules about 1,000
  symbols 0.1 % are 1,000 in a minute, more than anybody reads). The *busy* mix has thresholds that
  every symbol reaches on most days: nearly each rule speaks once a session of each symbol, which is
  0.2 %.

What it does not hold: rules that hear each other's signals, variables, ticks. Those who hear each
other are folded one after the other, not by one kernel.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from whispr_daemon.rules.load import RuleFile

_FAST: Final = (5, 8, 9, 10, 12, 13, 20, 21)
_SLOW: Final = (26, 34, 48, 50, 55, 89, 100, 200)
_LENGTHS: Final = (7, 9, 14, 21)
_BARS: Final = (10, 14, 20, 30, 55)
_LONGER: Final = 10  # one of so many is of five-minute bars
_TAIL: Final = 800, 950  # tenths of what RSI is above, or as far from 100 below
_BUSY: Final = 650, 850
_RUNGS: Final = ("23", "38", "50", "61", "78", "100")

# A line each: what is evaluated, and the keys beside it.
_CLAUSES: Final = (
    "if: 'cross_up(price, atr.{rung}) and RSI{length} > {high}', once: session",
    "if: 'cross_down(price, atr.-{rung}) and RSI{length} < {low}', once: session",
    "if: 'cross_up(EMA{fast}, EMA{slow}) and RSI{length} > {high}', cooldown: {minutes}m",
    "if: 'cross_down(EMA{fast}, EMA{slow}) and close < atr.-{rung}', cooldown: {minutes}m",
    "if: 'cross_up(RSI{length}, {low}) and close > EMA{slow}', once: session",
    "if: 'cross_down(RSI{length}, {high}) and close < SMA{slow}', once: session",
    "if: 'EMA{fast} > EMA{slow} and RSI{length} > {high} and close > atr.{rung}', once: session",
    "if: 'EMA{fast} < EMA{slow} and RSI{length} < {low} and close < atr.-{rung}', once: session",
    "if: 'close > highest(high, {bars})[1] and volume > {factor} * sma(volume, {bars})', "
    "cooldown: {minutes}m",
    "if: 'close < lowest(low, {bars})[1] and volume > {factor} * sma(volume, {bars})', "
    "cooldown: {minutes}m",
    "if: 'close > bb({bars}, {factor}).upper and RSI{length} > {high}', once: session",
    "if: 'close < bb({bars}, {factor}).lower and RSI{length} < {low}', once: session",
    "if: 'cross_up(macd(12, 26, 9).hist, 0) and close > EMA{slow} and RSI{length} > {high}', "
    "cooldown: {minutes}m",
    "if: 'close - EMA{fast} > 5 * {factor} * ATR{length}', rearm: 'close < EMA{fast}', "
    "once: session",
    "if: 'EMA{fast} - close > 5 * {factor} * ATR{length}', rearm: 'close > EMA{fast}', "
    "once: session",
    "if: 'touch(prev.high) and RSI{length} > {high}', once: session",
    "if: 'touch(prev.low) and RSI{length} < {low}', once: session",
    "if: 'cross_up(close, opening_range.high(15m)) and EMA{fast} > EMA{slow} and RSI{length} "
    "> {high}', once: session",
    "if: 'cross_down(close, opening_range.low(30m)) and EMA{fast} < EMA{slow} and RSI{length} "
    "< {low}', once: session",
    "if: 'session.high - session.low > {factor} * (prev.high - prev.low) and minutes_since_open "
    "< {minutes}', once: session",
    "if: 'abs(session.gap) > {part}% and RSI{length} > {high}', for: {few}m, once: session",
    "if: 'RSI{length} < {low}', for: {few}m, once: session",
    "if: 'RSI{length} > {high}', for: {few}m, once: session",
    "if: 'stoch({length}, 3, 3).k > {high} and close > atr.{rung}', for: {few}m, once: session",
    "if: 'rising(EMA{fast}, {few}) and RSI{length} > {high} and close > atr.{rung}', once: session",
    "if: 'falling(EMA{fast}, {few}) and RSI{length} < {low} and close < atr.-{rung}', "
    "once: session",
    "if: 'STDEV{bars} > {factor} * ATR{length} and volume > {factor} * sma(volume, {bars})', "
    "max_fires: {{count: {few}, per: session}}, cooldown: {minutes}m",
    "if: 'ROC{length} > {part} and RSI{length} > {high} and EMA{fast} > EMA{slow}', once: session",
    "if: '(close - open) / (high - low + 0.01) > 0.8 and close > atr.{rung} and RSI{length} "
    "> {high}', cooldown: {minutes}m",
    "if: 'bars_since(cross_up(EMA{fast}, EMA{slow})) < {few} and RSI{length} > {high}', "
    "once: session",
    "if: 'count_true(close > EMA{fast}, {bars}) > {few} and RSI{length} > {high} and close > "
    "atr.{rung}', once: session",
    "sequence: [{{up: 'cross_up(close, EMA{slow})'}}, {{back: 'touch(EMA{fast})'}}, "
    "{{on: 'RSI{length} > {high}'}}], within: {minutes}m, cooldown: {minutes}m",
    "sequence: [{{low: 'RSI{length} < {low}'}}, {{reclaim: 'cross_up(close, EMA{slow})'}}], "
    "within: {minutes}m, once: session",
    "if: 'supertrend({bars}, {factor}).dir > 0 and RSI{length} > {high} and close > atr.{rung}', "
    "once: session",
    "if: 'adx({length}) > {high} and EMA{fast} > EMA{slow} and close > vwap', once: session",
    "if: 'cross_up(EMA{fast}, EMA{slow}) and close > EMA{slow}@15m and RSI{length}@5m > {high}', "
    "cooldown: {minutes}m",
    "if: 'cross_down(close, EMA{fast}) and EMA{fast}@5m < EMA{slow}@5m and RSI{length} < {low}', "
    "once: session",
    "if: 'close > SMA{length}@1d and touch(atr.{rung}) and RSI{length} > {high}', once: session",
    "if: 'adx({length})@5m > {high} and RSI{length} > {high} and close > prev.high', once: session",
    "if: 'weekday < 5 and 09:45 < time < 15:30 and HMA{bars} > EMA{slow} and RSI{length} > "
    "{high}', once: session",
)
_MORE: Final = (  # lines of the rule beside its clauses
    "",
    "when: 'minutes_since_open >= {few} and minutes_to_close > 15'\n",
    "tags: [desk, intraday]\nowner: desk {few}\n",
    "description: of {fast} and {slow}\nversion: 1.{few}\n",
)


def rules(count: int, symbols: Sequence[str] = (), *, busy: bool = False) -> list[RuleFile]:
    """Return files of a rule each, of one to three clauses; the same for the same count.

    Where there are symbols each is about one of them, in turn; else about all. A ``busy`` mix
    differs in the thresholds of momentum only.
    """
    tail = _BUSY if busy else _TAIL
    return [
        _rule(number, tail, symbols[number % len(symbols)] if symbols else "'*'")
        for number in range(count)
    ]


def _rule(number: int, tail: tuple[int, int], symbols: str) -> RuleFile:
    random = Random(number)
    drawn = {
        "fast": random.choice(_FAST),
        "slow": random.choice(_SLOW),
        "length": random.choice(_LENGTHS),
        "bars": random.choice(_BARS),
        "rung": random.choice(_RUNGS),
        "high": random.randint(*tail) / 10,
        "low": (1_000 - random.randint(*tail)) / 10,
        "factor": random.randint(10, 40) / 10,
        "part": random.randint(5, 40) / 10,
        "minutes": random.randint(10, 120),
        "few": random.randint(2, 9),
    }
    shape = Random(number % len(_CLAUSES))
    more = shape.choice(_MORE).format(**drawn)
    others = shape.sample(range(len(_CLAUSES)), k=shape.choice((0, 0, 0, 1, 2)))
    logic = "".join(
        f"  - {{{_CLAUSES[clause].format(**drawn)}, then: ['emit:S{clause}']}}\n"
        for clause in dict.fromkeys((number % len(_CLAUSES), *others))
    )
    bars = "5m" if number // len(_CLAUSES) % _LONGER == 0 else "1m"
    head = f"name: rule_{number}\ninputs: {{timeframe: {bars}, symbols: [{symbols}]}}\n"
    return RuleFile(f"rules/rule_{number}.yaml", f"{head}{more}logic:\n{logic}")
