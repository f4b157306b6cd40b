"""The keys of ``inputs``: what a rule looks at."""

from typing import Final

from whispr_daemon.domain.timeframe import DAY, TIMEFRAMES
from whispr_daemon.rules.document.keys import (
    BOOLEAN,
    LASTING,
    NAME_PATTERN,
    TEXT,
    Key,
    choice,
    items,
    named,
    table,
)
from whispr_daemon.rules.names import MODES

BASES: Final = tuple(name for name, nanos in TIMEFRAMES if 0 < nanos <= DAY)  # of evaluation
_ONE: Final = {"type": "string", "minLength": 1}

ATR: Final = (
    Key("mode", choice(*MODES), "the period the levels are of; day"),
    Key("length", {"type": "integer", "minimum": 1, "maximum": 1000}, "of the ATR; 14"),
    Key(
        "trigger",
        {"type": "number", "exclusiveMinimum": 0, "maximum": 5},
        "fraction of the ATR that atr.trigger stands at; 0.236",
    ),
    Key("session", choice("rth", "eth"), "bars the levels come from; rth"),
    Key("anchor", choice("official", "last_trade"), "which close the levels stand on; official"),
    Key("use_current_close", BOOLEAN, "project the next period after the close; false"),
    Key("rounding", choice("none", "cents"), "of the ATR; none"),
)
WARMUP: Final = (
    Key("require", choice("converged", "formed"), "what must be reached before a rule may fire"),
    Key(
        "bars",
        {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        "bars to see before a rule may fire",
    ),
)
INDICATOR: Final = (
    Key("type", _ONE, "a function, such as EMA", required=True),
    Key("length", {"type": ["integer", "string"]}, "bars; or $name"),
    Key("source", _ONE, "what it is of: an expression; close"),
    Key("tf", TEXT, "its timeframe, such as 5m; the rule's"),
    Key("symbol", _ONE, "an alias of refs, or a symbol; the rule's own"),
)
INDICATOR_NAME: Final = {  # for editors; what else is an indicator the checker knows
    "anyOf": [
        {
            "type": "string",
            "pattern": r"^(ATR|(EMA|SMA|WMA|RMA|HMA|RSI|ATR|ROC|STDEV|HIGHEST|LOWEST)[0-9]{1,4})$",
            "description": "an indicator of the close and its length, such as EMA13",
        },
        {
            "type": "string",
            "pattern": r"^[A-Za-z_][A-Za-z0-9_]*[.@(a-z0-9_]",
            "description": "any other, as in an expression: EMA13@5m, macd(12, 26, 9).hist",
        },
    ],
    "examples": ["ATR", "EMA13", "EMA48", "RSI14", "SMA20", "EMA13@5m"],
}
INPUTS: Final = (
    Key("timeframe", choice(*BASES), "base timeframe: evaluation clock; 1m"),
    Key(
        "indicators",
        {
            "anyOf": [
                items(_ONE, 0),
                named(table(INDICATOR), "names and {type, length, source, tf, symbol}"),
            ],
            "title": "a list of names such as [EMA13, ATR14], or a map of "
            "names to {type, length, source, tf, symbol}",
        },
        "declarations, for warmup and screens",
    ),
    Key("symbols", items(_ONE), 'instruments; ["*"] is all'),
    Key("universe", {"type": "string", "pattern": NAME_PATTERN}, "a named list of instruments"),
    Key("refs", named(_ONE, "names and symbols"), "other symbols: {spy: SPY} gives spy.close"),
    Key("session", choice("rth", "eth", "24x7"), "bars outside it do not exist for the rule; rth"),
    Key("calendar", TEXT, "exchange calendar, e.g. XNYS; the instrument's"),
    Key("timezone", TEXT, "of clock times: the calendar's, said again"),
    Key("evaluate", choice("bar_close", "tick"), "when the rule is evaluated; bar_close"),
    Key(
        "price",
        choice("last", "mid", "bid", "ask", "mark"),
        "what price is in tick mode; last. mark: as no source brings marks, it is the mid, which "
        "is what thinkorswim calls mark",
    ),
    Key("atr", table(ATR), "the levels named atr.…"),
    Key("warmup", table(WARMUP), "when the rule may fire"),
    Key("missing", choice("skip", "carry"), "minutes without a trade; skip"),
    Key("stale_after", LASTING, "refs and conditions older than this are unknown; 3 timeframes"),
)
