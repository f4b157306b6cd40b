"""Thousands of rules as a desk may have them: some dozens of shapes, whose numbers vary.

Rules differ in lengths, thresholds and times; lengths are those that people take, so that many
rules ask for the same averages. Most need several things at once and speak once a session: of all
that is evaluated little is said.
"""

from random import Random
from typing import Final

from whispr_daemon.rules.load import RuleFile

_FAST: Final = (5, 8, 9, 10, 12, 13, 20, 21)
_SLOW: Final = (26, 34, 48, 50, 55, 89, 100, 200)
_LENGTHS: Final = (7, 9, 14, 21)
_BARS: Final = (10, 14, 20, 30, 55)
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
    "if: 'weekday < 5 and 09:45 < time < 15:30 and HMA{bars} > EMA{slow} and RSI{length} > "
    "{high}', once: session",
)
_MORE: Final = (  # lines of the rule beside its clauses
    "",
    "when: 'minutes_since_open >= {few} and minutes_to_close > 15'\n",
    "tags: [desk, intraday]\nowner: desk {few}\n",
    "description: of {fast} and {slow}\nversion: 1.{few}\n",
)


def rules(count: int, symbols: str = "'*'") -> list[RuleFile]:
    """Return files of a rule each, of one to three clauses; the same for the same count."""
    return [_rule(Random(number), number, symbols) for number in range(count)]


def _rule(random: Random, number: int, symbols: str) -> RuleFile:
    drawn = {
        "fast": random.choice(_FAST),
        "slow": random.choice(_SLOW),
        "length": random.choice(_LENGTHS),
        "bars": random.choice(_BARS),
        "rung": random.choice(_RUNGS),
        "high": random.randint(650, 850) / 10,
        "low": random.randint(150, 350) / 10,
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
    head = f"name: rule_{number}\ninputs: {{timeframe: 1m, symbols: [{symbols}]}}\n"
    return RuleFile(f"rules/rule_{number}.yaml", f"{head}{more}logic:\n{logic}")
