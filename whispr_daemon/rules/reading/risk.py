"""``risk``: limits that stand beside a rule; checked here, kept by the risk gate."""

import re
from typing import Final

from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.names import SHORTHAND
from whispr_daemon.rules.nodes import Type
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.parameters import read_value
from whispr_daemon.rules.reading.plain import mapping

_NAMED: Final = re.compile(r"([A-Za-z]+[0-9]+)_break")


def check_risk(bench: Bench, scope: Scope) -> None:
    """Report what is wrong with ``risk``, and that a rule alone does not keep it."""
    risk = mapping(bench.data.get("risk"))
    for key in ("max_position_pct", "daily_loss_pct"):
        if key not in risk or isinstance(risk[key], dict | list):
            continue
        value = read_value(risk[key], scope.timeframe)
        if value is None or value.type is not Type.NUM or value.value < 0:
            message = f"{key} is {risk[key]!r}; expected a number or a percentage, 0 or more"
            bench.refuse(("risk", key), "E513", message)
    stop = risk.get("stop")
    if isinstance(stop, str):
        bench.condition(named_stop(stop), ("risk", "stop"), scope)
    if risk:
        place = bench.document.key(("risk",))
        message = "risk is checked here and kept by the risk gate: no clause of the rule obeys it"
        bench.document.note(place, "W103", message)


def named_stop(written: str) -> str:
    """Return the condition that a named stop stands for: ``ema13_break``; others as they are."""
    found = _NAMED.fullmatch(written)
    if found is None or not SHORTHAND.fullmatch(found[1]):
        return written
    return f"cross_down(close, {found[1].upper()})"
