"""The shapes of actions: strings such as ``emit:NAME``, and mappings."""

from typing import Final

from whispr_daemon.rules.document.keys import TEXT, Key, Schema, choice, items, named, table

SEVERITIES: Final = ("debug", "info", "warn", "error", "critical")
VERBS: Final = (
    "emit",
    "alert",
    "set",
    "log",
    "order",
    "target",
    "flatten",
    "cancel",
    "halt",
)
AMOUNT: Final[Schema] = {"type": ["string", "number"]}  # an expression, or a number

ALERT: Final = (
    Key("level", choice(*SEVERITIES), "how bad it is; info"),
    Key("message", TEXT, "text with {expressions:format} in it", required=True),
    Key("channels", items(TEXT), "who hears of it; all that are wired for the level"),
    Key("dedup", TEXT, "alerts of one key are told once"),
)
ORDER: Final = (
    Key("side", choice("buy", "sell"), "which way", required=True),
    Key("qty", AMOUNT, "how many"),
    Key("notional", AMOUNT, "for how much money"),
    Key("risk_pct", AMOUNT, "so many that the stop loses this part of the equity"),
    Key("type", choice("market", "limit", "stop", "bracket"), "how; market"),
    Key("limit", AMOUNT, "price of a limit order"),
    Key("stop", AMOUNT, "price of the stop"),
    Key("target", AMOUNT, "price to take the profit at"),
    Key("tif", choice("day", "gtc", "ioc", "fok", "opg", "cls"), "how long it rests"),
    Key("tag", TEXT, "to cancel it by"),
)
TARGET: Final = (
    Key("qty", AMOUNT, "how many to hold; negative is short"),
    Key("pct", AMOUNT, "which part of the equity to hold"),
    Key("band", AMOUNT, "how far off is near enough"),
)
HALT: Final = (
    Key("scope", choice("entries", "all"), "what is blocked; entries"),
    Key("until", TEXT, "session_end, manual, or a duration; session_end"),
)
FLATTEN: Final = ("all", "symbol")

_MAPPING: Final = (
    Key("emit", TEXT, "say a signal"),
    Key("strength", {"type": ["string", "number"]}, "of the signal"),
    Key("side", choice("long", "short", "flat"), "of the signal"),
    Key("data", named(AMOUNT, "names and expressions"), "values the signal carries"),
    Key("alert", table(ALERT), "say an alert"),
    Key("set", named(AMOUNT, "one of vars, and an expression"), "give a variable a value"),
    Key("log", TEXT, "write to the audit"),
    Key("order", table(ORDER), "wish for an order"),
    Key("target", table(TARGET), "wish for a position"),
    Key("flatten", choice(*FLATTEN), "wish to be out"),
    Key("cancel", TEXT, "wish resting orders of a tag gone"),
    Key("halt", table(HALT), "block new risk"),
)
_WRITTEN: Final = (
    r"^(emit:[A-Za-z_][A-Za-z0-9_]{0,63}(:.*)?|alert:[^\n]*|set:[^=]+=.*|log:.*"
    r"|flatten(:(all|symbol))?|cancel:.+|halt(:(entries|all))?)$"
)


def action_schema() -> Schema:
    """Return the schema of one action, for editors: what the reader of actions takes."""
    written = {"type": "string", "pattern": _WRITTEN, "description": "emit:NAME, alert:info:text …"}
    mapping = table(_MAPPING, anyOf=[{"required": [verb]} for verb in VERBS])
    return {"anyOf": [written, mapping]}
