"""A rule read again, with the values that a test gives to its parameters."""

from collections.abc import Mapping
from typing import Any

from whispr_daemon.rules.document.document import Document, Path, read
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule


def with_parameters(
    rule: Rule, file: RuleFile, given: Mapping[str, Any], told: Document, path: Path
) -> Rule | None:
    """Return the rule of ``file`` with some ``params`` set; None if they cannot be.

    What is wrong is reported to ``told``, the document at whose ``path`` they are given.
    """
    named = read(file.path, file.text).data.get("inputs") or {}
    universes = {str(named.get("universe")): rule.inputs.symbols}
    loaded = load([file], params={rule.name: given}, universes=universes)
    if loaded.rules:
        return loaded.rules[0]
    for error in loaded.errors[:1]:  # those that follow from it say no more
        named = next((name for name in given if name in error.message), "")
        told.report(told.value((*path, named)), "E523", error.message)
    return None
