"""What a test expects: outputs, values of expressions, fires held back."""

import math
from collections.abc import Mapping
from typing import Any, Final

from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.golden.case import (
    EXPECTED,
    NAMED,
    Expected,
    WantedSuppression,
    WantedValue,
)
from whispr_daemon.rules.golden.given import Setting
from whispr_daemon.rules.golden.times import read_moment
from whispr_daemon.rules.load import RuleFile, check_expression
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.rule import Evaluate, Rule

TOLERANCE: Final = 1e-9
REASONS: Final = ("when", "gap", "split", "rearm", "once", "max_fires", "cooldown")
_TRUTH: Final = {True: 1.0, False: -1.0, "true": 1.0, "false": -1.0, "na": math.nan}


class Wanted:
    """Reads the expectations of one test; mistakes are reported to its document."""

    def __init__(
        self, setting: Setting, rule: Rule, file: RuleFile, written: Mapping[str, Any]
    ) -> None:
        """Take the test as written."""
        self._setting = setting
        self._rule = rule
        self._file = file
        self._written = written

    def expect(self) -> tuple[Expected, ...] | None:
        """Return all that is to come out, in order; None if the test does not say."""
        if "expect" not in self._written:
            if not self._written.get("expect_values") and not self._written.get(
                "expect_suppressed"
            ):
                message = (
                    "the test expects nothing at all; 'expect: []' says that nothing comes out"
                )
                self._setting.wrong(("name",), message, "E521")
            return None
        found = []
        for index, said in enumerate(self._written["expect"]):
            path: Path = ("expect", index)
            ts = self._ts(said, path)
            if ts is None or not self._known(said, EXPECTED, path):
                continue
            if not any(name in said for name in NAMED):
                message = f"says nothing of what comes out: one of {', '.join(NAMED)}"
                self._setting.wrong(path, message, "E521")
                continue
            shown = {key: value for key, value in said.items() if key != "at"}
            mark = self._setting.document.value((*self._setting.path, *path))
            found.append(Expected(ts, shown, mark))
        return tuple(found)

    def values(self) -> tuple[WantedValue, ...]:
        """Return the values that expressions are to have."""
        found = []
        for index, said in enumerate(self._written.get("expect_values", ())):
            wanted = self._value(said, ("expect_values", index))
            if wanted is not None:
                found.append(wanted)
        return tuple(found)

    def _value(self, said: Mapping[str, Any], path: Path) -> WantedValue | None:
        ts = self._ts(said, path)
        known = ("at", "expr", "value", "tol", "symbol")
        if ts is None or not self._known(said, known, path):
            return None
        text = said.get("expr")
        if not isinstance(text, str) or "value" not in said:
            self._setting.wrong(path, "needs {at, expr, value}", "E521")
            return None
        document, here = self._setting.document, self._setting.path
        params = self._written.get("params") or {}
        nodes: dict[Evaluate, Node] = {}
        for evaluate in dict.fromkeys(clause.evaluate for clause in self._rule.clauses):
            checked = check_expression(self._file, text, params=params, evaluate=evaluate)
            errors = [found for found in checked.findings if found.severity == "error"]
            document.add(errors, (*here, *path, "expr"))
            if checked.node is None:
                return None
            nodes[evaluate] = checked.node
        value, tolerance = said["value"], said.get("tol", TOLERANCE)
        number = _TRUTH.get(value) if isinstance(value, str | bool) else value
        if not isinstance(number, int | float) or isinstance(number, bool):
            place = (*path, "value")
            self._setting.wrong(place, f"{value!r} is not a number, true, false or na", "E521")
            return None
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or tolerance < 0:
            self._setting.wrong((*path, "tol"), "a tolerance is a number from 0", "E521")
            return None
        mark = document.value((*here, *path))
        symbol = str(said.get("symbol", self._setting.symbol))
        return WantedValue(ts, text, nodes, float(number), float(tolerance), symbol, mark)

    def suppressed(self) -> tuple[WantedSuppression, ...]:
        """Return the fires that are to be held back."""
        found = []
        for index, said in enumerate(self._written.get("expect_suppressed", ())):
            path: Path = ("expect_suppressed", index)
            ts = self._ts(said, path)
            if ts is None or not self._known(said, ("at", "id", "reason", "symbol"), path):
                continue
            if not self._about_a_clause(said, path):
                continue
            shown = {key: str(value) for key, value in said.items() if key != "at"}
            mark = self._setting.document.value((*self._setting.path, *path))
            found.append(WantedSuppression(ts, shown, mark))
        return tuple(found)

    def _about_a_clause(self, said: Mapping[str, Any], path: Path) -> bool:
        ids = [clause.id for clause in self._rule.clauses]
        name, reason = said.get("id"), said.get("reason")
        if name is not None and name not in ids:
            hint = suggestion(str(name), ids) or f" (it has {', '.join(ids)})"
            self._setting.wrong((*path, "id"), f"the rule has no clause {name!r}{hint}", "E521")
            return False
        if reason is not None and reason not in REASONS:
            hint = suggestion(str(reason), REASONS)
            message = f"{reason!r} is none of {', '.join(REASONS)}{hint}"
            self._setting.wrong((*path, "reason"), message, "E521")
            return False
        return True

    # ------------------------------------------------------------------ shared
    def _ts(self, said: object, path: Path) -> int | None:
        if not isinstance(said, dict) or "at" not in said:
            self._setting.wrong(path, "needs 'at', the time of the evaluation", "E521")
            return None
        moment = read_moment(str(said["at"]), self._setting.day)
        if moment is None:
            message = f"{said['at']!r} is not a time such as 09:36, 09:36:05 or '2026-06-24 09:36'"
            self._setting.wrong((*path, "at"), message, "E524")
            return None
        return self._setting.clock.ns(*moment)

    def _known(self, said: Mapping[str, Any], keys: tuple[str, ...], path: Path) -> bool:
        for key in said:
            if key not in keys and not key.startswith("x-"):
                document = self._setting.document
                message = f"unknown key {key!r}{suggestion(key, keys)}"
                document.report(document.key((*self._setting.path, *path, key)), "E501", message)
                return False
        return True
