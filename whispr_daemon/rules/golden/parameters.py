"""A rule read again, with the values that a test gives to its parameters."""

from collections.abc import Mapping
from typing import Any

from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.document.document import Document, Path, read
from whispr_daemon.rules.reader import RuleReader
from whispr_daemon.rules.rule import Rule


def read_again(
    rule: Rule, text: str, given: Mapping[str, Any], told: Document, path: Path
) -> tuple[Rule, Scope] | None:
    """Return the rule of ``text`` with some ``params`` set, and what names mean in it.

    None if they cannot be set: what is wrong is reported to ``told``, the document at whose
    ``path`` they are given.
    """
    document = read(rule.path, text)
    params = document.data.get("params") or {}
    for name, value in given.items():
        wrong = _wrong(params, name, value)
        if wrong:
            told.report(told.value((*path, name)), "E523", wrong)
            return None
        written = params[name]
        params[name] = {**written, "default": value} if isinstance(written, dict) else value
    reader = RuleReader(document)
    found = reader.rule()
    if found is None:
        errors = [each for each in document.diagnostics if each.severity == "error"]
        why = errors[0].message if errors else "it does not load"
        told.report(told.value(path), "E523", f"with these params the rule does not load: {why}")
        return None
    return found, reader.scope


def _wrong(params: Mapping[str, Any], name: str, value: object) -> str:
    """Return why a parameter cannot have this value; empty if it can."""
    if name not in params:
        known = ", ".join(f"${each}" for each in params) or "none"
        hint = suggestion(name, params) or f" (it has {known})"
        return f"the rule has no parameter {name!r}{hint}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"a parameter is a number, found {value!r}"
    return ""
