"""Diagnostics as text, as JSON, and as SARIF 2.1.0, which editors and code hosts read."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

import msgspec

from whispr_daemon.rules.codes import CODES
from whispr_daemon.rules.diagnostics import Diagnostic

Format: TypeAlias = Literal["text", "json", "sarif"]

_LEVELS: Final = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def report(found: Sequence[Diagnostic], form: Format = "text") -> str:
    """Return diagnostics in a form, without a line break at the end."""
    if form == "text":
        return "\n".join(as_text(found))
    data = as_plain(found) if form == "json" else as_sarif(found)
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()


def as_text(found: Iterable[Diagnostic]) -> list[str]:
    """Return a line ``path:line:column: CODE message`` for each."""
    return [str(diagnostic) for diagnostic in found]


def as_plain(found: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Return each as a mapping with the fields of :class:`Diagnostic`."""
    return [msgspec.to_builtins(diagnostic) for diagnostic in found]


def as_sarif(found: Sequence[Diagnostic]) -> dict[str, Any]:
    """Return one run in SARIF 2.1.0, with a rule for each code that occurs."""
    codes = sorted({diagnostic.code for diagnostic in found})
    driver = {
        "name": "whispr rules",
        "rules": [_rule(code) for code in codes],
    }
    results = [
        {
            "ruleId": diagnostic.code,
            "ruleIndex": codes.index(diagnostic.code),
            "level": _LEVELS[diagnostic.severity],
            "message": {"text": diagnostic.message},
            "locations": [_location(diagnostic)],
        }
        for diagnostic in found
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    """Return what code hosts want to know of a code."""
    text = {"text": CODES[code]}
    return {
        "id": code,
        "name": code,
        "shortDescription": text,
        "fullDescription": text,
        "help": {"text": f"{CODES[code]} The result says what was found and what would be right."},
    }


def _location(diagnostic: Diagnostic) -> dict[str, Any]:
    path = quote(diagnostic.path.replace("\\", "/"), safe="/")
    artifact = {"uri": f"file://{path}" if path.startswith("/") else path}
    region = {"startLine": diagnostic.line, "startColumn": diagnostic.column}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}
