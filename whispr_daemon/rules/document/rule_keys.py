"""The keys of a rule file, in one table: the JSON Schema, the checker and the editors read it."""

from typing import Final

from whispr_daemon.rules.document.golden_keys import TESTS
from whispr_daemon.rules.document.keys import (
    ARRAY,
    BOOLEAN,
    DURATION,
    EXPRESSION,
    NAME_PATTERN,
    OBJECT,
    TEXT,
    Key,
    Schema,
    choice,
    document,
    items,
    table,
)

ATR: Final = (
    Key(
        "mode",
        choice("day", "multiday", "swing", "position", "longterm", "scalp"),
        "the period the levels are of",
        later=True,
        default="day",
    ),
    Key("length", {"type": "integer", "minimum": 1, "maximum": 1000}, "of the ATR; 14"),
    Key(
        "trigger",
        {"type": "number", "exclusiveMinimum": 0, "maximum": 5},
        "fraction of the ATR that atr.trigger stands at; 0.236",
    ),
    Key("session", choice("rth", "eth"), "bars the levels come from", later=True, default="rth"),
    Key(
        "anchor",
        choice("official", "last_trade"),
        "which close the levels stand on",
        later=True,
        default="official",
    ),
    Key("use_current_close", BOOLEAN, "project the next period", later=True, default=False),
    Key("rounding", choice("none", "cents"), "of the ATR", later=True, default="none"),
)
WARMUP: Final = (
    Key("require", choice("converged", "formed"), "what must be reached before a rule may fire"),
    Key("bars", {"type": "integer", "minimum": 0}, "bars to see before a rule may fire"),
)
INPUTS: Final = (
    Key("timeframe", choice("30s", "1m", "5m", "1h", "1d"), "base timeframe: evaluation clock; 1m"),
    Key(
        "indicators",
        {"anyOf": [items(TEXT, 0), OBJECT], "title": "a list of names such as [EMA13, ATR14]"},
        "declarations, for warmup and screens",
    ),
    Key("symbols", items({"type": "string", "minLength": 1}), 'instruments; ["*"] is all'),
    Key("universe", TEXT, "a named list of instruments", later=True),
    Key("refs", OBJECT, "aliases of other symbols", later=True, default={}),
    Key("session", choice("rth", "eth", "24x7"), "bars outside it do not exist for the rule; rth"),
    Key("calendar", TEXT, "exchange calendar, e.g. XNYS; the instrument's"),
    Key("timezone", TEXT, "of clock times; the calendar's", later=True),
    Key(
        "evaluate",
        choice("bar_close", "tick"),
        "when the rule is evaluated",
        later=True,
        default="bar_close",
    ),
    Key(
        "price",
        choice("last", "mid", "bid", "ask", "mark"),
        "what price is in tick mode",
        later=True,
        default="last",
    ),
    Key("atr", table(ATR), "the levels named atr.…"),
    Key("warmup", table(WARMUP), "when the rule may fire"),
    Key(
        "missing",
        choice("skip", "carry"),
        "minutes without a trade",
        later=True,
        default="skip",
    ),
    Key("stale_after", DURATION, "refs and conditions older than this are unknown", later=True),
)
ACTIONS: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "anyOf": [{"type": "string", "minLength": 1}, {"type": "object", "minProperties": 1}],
        "title": 'an action such as "emit:NAME"',
    },
}
CLAUSE: Final = (
    Key("id", {"type": "string", "pattern": NAME_PATTERN, "title": "a name"}, "of the clause"),
    Key("if", EXPRESSION, "the condition or event"),
    Key("sequence", ARRAY, "steps, one after the other", later=True),
    Key("then", ACTIONS, "what to do", required=True),
    Key("within", DURATION, "time from the first step of a sequence", later=True),
    Key("until", EXPRESSION, "drops a sequence", later=True),
    Key("same_bar", BOOLEAN, "steps of one bar", later=True, default=False),
    Key("overlap", BOOLEAN, "several partial matches", later=True, default=False),
    Key("on_timeout", ACTIONS, "what to do when a sequence times out", later=True),
    Key("for", DURATION, "how long the condition must hold", later=True),
    Key("cooldown", DURATION, "least time between two fires", later=True),
    Key("once", choice("bar", "session", "day", "ever"), "at most one fire in it", later=True),
    Key("max_fires", OBJECT, "at most count fires per scope", later=True),
    Key("rearm", EXPRESSION, "must be true again before the next fire", later=True),
    Key(
        "edge",
        choice("auto", "rising", "every"),
        "what a condition fires on",
        later=True,
        default="auto",
    ),
    Key("fire_on_start", BOOLEAN, "na to true is an edge", later=True, default=False),
    Key("evaluate", choice("bar_close", "tick"), "when", later=True, default="bar_close"),
    Key(
        "gap",
        choice("include", "exclude", "only"),
        "crosses by a gap",
        later=True,
        default="include",
    ),
    Key("mode", choice("live", "shadow", "off"), "of this clause", later=True, default="live"),
    Key("span_sessions", BOOLEAN, "keep timers overnight", later=True, default=False),
)
RULE: Final = (
    Key("schema", choice("whispr/rules/v1"), "format version"),
    Key(
        "name",
        {"type": "string", "pattern": NAME_PATTERN, "title": "a name of letters, digits, _ and -"},
        "unique in the daemon",
        required=True,
    ),
    Key("version", {"type": ["string", "number"]}, "yours, carried along"),
    Key("description", TEXT, "what the rule is for"),
    Key("owner", TEXT, "who answers for it"),
    Key("tags", items(TEXT, 0), "words to find it by"),
    Key("enabled", BOOLEAN, "false: checked and not run"),
    Key(
        "mode", choice("live", "shadow", "off"), "shadow: only recorded", later=True, default="live"
    ),
    Key("priority", {"type": "integer"}, "higher first; 0"),
    Key("inputs", table(INPUTS), "what the rule looks at"),
    Key("params", OBJECT, "$names", later=True, default={}),
    Key("vars", OBJECT, "state of the rule", later=True, default={}),
    Key("let", OBJECT, "named expressions", later=True, default={}),
    Key("when", EXPRESSION, "gate of all clauses", later=True),
    Key(
        "logic",
        items(table(CLAUSE, oneOf=[{"required": ["if"]}, {"required": ["sequence"]}])),
        "clauses",
        required=True,
    ),
    Key("risk", OBJECT, "limits", later=True, default={}),
    TESTS,
)

# Which table the mapping at a path obeys: what the checker of later keys walks.
TABLES: Final[dict[tuple[str, ...], tuple[Key, ...]]] = {
    (): RULE,
    ("inputs",): INPUTS,
    ("inputs", "atr"): ATR,
    ("inputs", "warmup"): WARMUP,
    ("logic", "*"): CLAUSE,
}


def rule_schema() -> Schema:
    """Return the JSON Schema (draft-07) of a rule file."""
    return document("Whispr rule, v1", RULE)
