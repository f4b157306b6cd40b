"""The keys of golden tests, which stand in a rule file or in an ``X.test.yaml`` beside it."""

from typing import Final

from whispr_daemon.rules.document.keys import (
    BOOLEAN,
    NUMBER,
    OBJECT,
    TEXT,
    Key,
    Schema,
    choice,
    document,
    items,
    table,
)

LEVEL_PIN: Final = table(
    (Key("anchor", NUMBER, "r = 0", required=True), Key("atr", NUMBER, "ATR", required=True))
)
SPLIT: Final = table(
    (
        Key("date", TEXT, "the first day in new terms", required=True),
        Key("symbol", TEXT, "the one that is tested unless said"),
        Key("ratio", TEXT, 'new shares for old ones: "2:1"'),
        Key("price_factor", NUMBER, "what earlier prices are multiplied by"),
        Key("volume_factor", NUMBER, "what earlier volumes are multiplied by, 1 unless said"),
    )
)
GIVEN: Final = (
    Key(
        "atr",
        {
            "anyOf": [
                LEVEL_PIN,
                {"type": "object", "additionalProperties": LEVEL_PIN, "minProperties": 1},
            ],
            "title": "{anchor, atr}, or a map from date to that",
        },
        "pins the level map",
    ),
    Key("daily", TEXT, "a file of daily bars"),
    Key("splits", items(SPLIT), "splits and dividends: prices of the bars are not adjusted"),
    Key("account", items(OBJECT), "account figures by time"),
    Key("position", items(OBJECT), "position figures by time; before the first there is none"),
    Key("orders", items(OBJECT), "figures of resting orders by time: open"),
)


def _ticks(shape: str) -> Schema:
    several = {"type": "object", "additionalProperties": TEXT, "minProperties": 1}
    return {
        "anyOf": [TEXT, several],
        "title": f"lines '{shape}', or a map from symbol to those",
    }


def _about(what: str, shape: str) -> str:
    return (
        f"{what} of the market, for what is evaluated on ticks: lines '{shape}', the time as "
        "09:30:05.250, a date alone on its line begins a new day; or a map from symbol to those"
    )


TEST: Final = (
    Key("name", TEXT, "a sentence", required=True),
    Key("symbol", TEXT, "the instrument the bars are of"),
    Key("date", TEXT, "of bars without a date"),
    Key("params", OBJECT, "values for $names"),
    Key("given", table(GIVEN), "what is true before"),
    Key("warmup", choice("converged", "formed"), "formed unless said"),
    Key(
        "bars",
        {
            "anyOf": [TEXT, OBJECT],
            "title": "lines 'time open high low close [volume]', {start, closes}, or a map from "
            "symbol to those",
        },
        "the market: lines 'time open high low close [volume]', a date alone on its line begins a "
        'new day; or {start: "09:30", closes: "607 608+0.5x3 _ 610x2"}; or a map from symbol to '
        "those",
    ),
    Key("trades", _ticks("time price [size]"), _about("trades", "time price [size]")),
    Key("quotes", _ticks("time bid ask"), _about("quotes", "time bid ask")),
    Key("expect", items(OBJECT, 0), "everything that comes out, in order"),
    Key("expect_values", items(OBJECT), "values of expressions"),
    Key("expect_suppressed", items(OBJECT), "fires that were held back"),
)
_MARKET: Final = [{"required": [name]} for name in ("bars", "trades", "quotes")]
TESTS: Final = Key("tests", items(table(TEST, anyOf=_MARKET), 0), "golden tests")
_ANY: Final[Schema] = {}
_AT: Final = Key(
    "at",
    TEXT,
    "time of the evaluation, which is the END of a bar: 09:36, 09:36:05.250 or 2026-06-24 09:36",
    required=True,
)
EXPECT: Final = (
    _AT,
    Key("emit", TEXT, "a signal, by its name"),
    Key("alert", choice("debug", "info", "warn", "error", "critical"), "an alert, by its level"),
    Key("log", TEXT, "a line of the audit, by its text"),
    Key("order", _ANY, "the wish for an order: keys that are to be so"),
    Key("target", _ANY, "the wish for a position: keys that are to be so"),
    Key("flatten", _ANY, "the wish to be out: symbol or all"),
    Key("cancel", _ANY, "resting orders to be cancelled: their tag"),
    Key("halt", _ANY, "no new risk: keys that are to be so"),
    Key("message", TEXT, "of an alert or a line of the audit"),
    Key("dir", choice("up", "down", ""), "the direction of the cross"),
    Key("gap", BOOLEAN, "was it a cross by a gap?"),
    Key("strength", NUMBER, "of a signal"),
    Key("side", TEXT, "long, short or flat; of an order buy or sell"),
    Key("price", NUMBER, "at the evaluation"),
    Key("level", _ANY, "that was crossed, to four digits"),
    Key("symbol", TEXT, "the instrument"),
    Key("data", OBJECT, "values that a signal carries"),
    Key("clause", TEXT, "the clause it comes from"),
    Key("id", TEXT, "the clause it comes from"),
)
_VALUE: Final = (
    _AT,
    Key("expr", TEXT, "an expression", required=True),
    Key("value", {"type": ["number", "string", "boolean"]}, "what it is, or na", required=True),
    Key("tol", NUMBER, "how far off it may be; 1e-9"),
    Key("symbol", TEXT, "the instrument"),
)
_SUPPRESSED: Final = (
    _AT,
    Key("id", TEXT, "the clause"),
    Key("reason", choice("when", "gap", "rearm", "once", "max_fires", "cooldown"), "what held it"),
    Key("symbol", TEXT, "the instrument"),
)


def spelt_out(tests: Schema) -> None:
    """Put the shapes of expectations into the schema of ``tests``, as editors want it.

    Who runs the tests tells mistakes in them one by one, and stops no other test for them.
    """
    properties = tests["items"]["properties"]
    for name, keys in (
        ("expect", EXPECT),
        ("expect_values", _VALUE),
        ("expect_suppressed", _SUPPRESSED),
    ):
        properties[name] = {**properties[name], "items": table(keys)}


def tests_schema() -> Schema:
    """Return the JSON Schema (draft-07) of an ``X.test.yaml`` beside a rule ``X.yaml``."""
    return document("Golden tests of a Whispr rule, v1", (TESTS._replace(required=True),))
