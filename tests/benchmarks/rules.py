"""How long a rule takes to load.

Run it: ``python -m tests.benchmarks.rules``.

Ten thousand rules of one shape are loaded, to see what one costs.
"""

from typing import Final

from rich.console import Console

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

SHAPED: Final = 10_000  # rules of one shape


def seconds_of_a_rule() -> float:
    """Return what one of many rules of one shape takes from its text to being ready to run."""
    text = (
        "name: r{0}\nlogic:\n"
        "  - {{if: 'cross_up(price, EMA{1}) and RSI14 < {0}.5', cooldown: {1}m, then: ['emit:S']}}"
    )
    files = [RuleFile(f"{n}.yaml", text.format(n, 2 + n % 300)) for n in range(SHAPED)]
    began = SYSTEM_CLOCK.monotonic()
    RulesStrategy(load(files).rules, RuleSettings())
    return (SYSTEM_CLOCK.monotonic() - began) / SHAPED


if __name__ == "__main__":
    Console().print(f"a rule of a known shape takes {seconds_of_a_rule() * 1e3:.2f} ms to load")
