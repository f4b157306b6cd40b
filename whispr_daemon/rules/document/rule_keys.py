"""The keys of a rule file, in tables: the JSON Schema, the checker and the editors read them."""

import copy
import json
from typing import Any, Final

from whispr_daemon.rules.document.action_keys import action_schema
from whispr_daemon.rules.document.golden_keys import TESTS, spelt_out
from whispr_daemon.rules.document.input_keys import INDICATOR_NAME, INPUTS
from whispr_daemon.rules.document.keys import (
    BOOLEAN,
    DURATION,
    EXPRESSION,
    LASTING,
    MOST,
    MOST_STEPS,
    NAME_PATTERN,
    NUMBER,
    TEXT,
    Key,
    Schema,
    choice,
    document,
    items,
    named,
    table,
)

MODE: Final = choice("live", "shadow", "off")
EVALUATE: Final = choice("bar_close", "tick")
SCOPE: Final = choice("bar", "session", "day", "ever")
ACTIONS: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_STEPS,
    "items": {
        "anyOf": [{"type": "string", "minLength": 1}, {"type": "object", "minProperties": 1}],
        "title": 'an action such as "emit:NAME"',
    },
}
ABSENT: Final = (
    Key("if", EXPRESSION, "what must stay not true", required=True),
    Key("for", DURATION, "for how long; more than 0", required=True),
)
STEP: Final[Schema] = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {
        "anyOf": [
            EXPRESSION,
            table(ABSENT),
            table((Key("absent", table(ABSENT), "what must stay not true", required=True),)),
        ],
        "title": "an expression, or absent: {if, for}",
    },
    "title": "a step such as {name: expression} or {absent: {if, for}}",
}
MAX_FIRES: Final = (
    Key(
        "count",
        {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "how often",
        required=True,
    ),
    Key("per", SCOPE, "in what", required=True),
)
CLAUSE: Final = (
    Key("id", {"type": "string", "pattern": NAME_PATTERN, "title": "a name"}, "of the clause"),
    Key("if", EXPRESSION, "the condition or event"),
    Key("sequence", items(STEP, most=MOST_STEPS), "steps, one after the other"),
    Key("then", ACTIONS, "what to do", required=True),
    Key("within", LASTING, "time from the first step of a sequence"),
    Key("until", EXPRESSION, "drops a sequence"),
    Key("same_bar", BOOLEAN, "several steps of a sequence in one bar; false"),
    Key("overlap", BOOLEAN, "all partial matches of a sequence, not only one; false"),
    Key("on_timeout", ACTIONS, "what to do when a sequence takes too long"),
    Key("for", DURATION, "how long the condition must hold"),
    Key("cooldown", DURATION, "least time between two fires"),
    Key("once", SCOPE, "at most one fire in it"),
    Key("max_fires", table(MAX_FIRES), "at most count fires per scope"),
    Key("rearm", EXPRESSION, "must be true again before the next fire"),
    Key("edge", choice("auto", "rising", "every"), "what a condition fires on; auto"),
    Key("fire_on_start", BOOLEAN, "unknown to true is an edge, too; false"),
    Key("evaluate", EVALUATE, "when; as inputs.evaluate"),
    Key("gap", choice("include", "exclude", "only"), "crosses by a gap; include"),
    Key("mode", MODE, "of this clause; as the rule's"),
    Key("span_sessions", BOOLEAN, "keep timers, sequences and once overnight; false"),
)
PARAM: Final = (
    Key("default", {"type": ["number", "string"]}, "the value", required=True),
    Key("min", {"type": ["number", "string"]}, "the least it may be"),
    Key("max", {"type": ["number", "string"]}, "the most it may be"),
    Key("step", {"type": ["number", "string"]}, "what optimisers vary it by"),
    Key("description", TEXT, "what it is"),
)
PARAM_VALUE: Final[Schema] = {
    "anyOf": [{"type": ["number", "string"]}, table(PARAM)],
    "title": "a value such as 30, 0.5% or 30m, or {default, min, max, step, description}",
}
VARIABLE: Final = (
    Key("init", NUMBER, "what it is at first; 0"),
    Key("reset", choice("session", "day", "never"), "when it is init again; never"),
)
RISK: Final = (
    Key("max_position_pct", {"type": ["number", "string"]}, "largest position, of the equity"),
    Key("max_orders_per_day", {"type": "integer", "minimum": 0}, "most orders a day"),
    Key("stop", EXPRESSION, "an expression, or a named stop such as ema13_break"),
    Key("daily_loss_pct", {"type": ["number", "string"]}, "largest loss of a day, of the equity"),
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
    Key("mode", MODE, "shadow: all runs, actions are only recorded; live"),
    Key("priority", {"type": "integer"}, "higher first; 0"),
    Key("inputs", table(INPUTS), "what the rule looks at"),
    Key("params", named(PARAM_VALUE, "names and values"), "$names"),
    Key("vars", named(table(VARIABLE), "names and {init, reset}"), "state, per symbol"),
    Key("let", named(EXPRESSION, "names and expressions"), "named expressions"),
    Key("when", EXPRESSION, "gate of all clauses"),
    Key(
        "logic",
        items(table(CLAUSE, oneOf=[{"required": ["if"]}, {"required": ["sequence"]}]), most=MOST),
        "clauses",
        required=True,
    ),
    Key("risk", table(RISK), "limits, for the risk gate"),
    TESTS,
)


def rule_schema() -> Schema:
    """Return the JSON Schema (draft-07) of a rule file."""
    return document("Whispr rule, v1", RULE)


def editor_schema() -> Schema:
    """Return :func:`rule_schema` with shapes spelt out, as editors want it.

    These are those of actions and of what tests expect; and files of tests alone are right, too.
    """
    schema: dict[str, Any] = copy.deepcopy(rule_schema())
    clause = schema["properties"]["logic"]["items"]["properties"]
    for key in ("then", "on_timeout"):
        clause[key] = {**clause[key], "items": action_schema()}
    indicators = schema["properties"]["inputs"]["properties"]["indicators"]
    indicators["anyOf"][0] = {**indicators["anyOf"][0], "items": INDICATOR_NAME}
    spelt_out(schema["properties"]["tests"])
    whole = {"required": schema.pop("required")}
    schema["anyOf"] = [whole, {"required": ["tests"], "maxProperties": 1}]
    return schema


def schema_text() -> str:
    """Return :func:`editor_schema` as it is published: ``config/whispr-rules-v1.schema.json``."""
    return json.dumps(editor_schema(), indent=2, ensure_ascii=False) + "\n"
