"""All cases, and those that are asked for by name."""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from tests.benchmarks.figures import Case

# In the order in which they run. Each has CASES; only those that run are imported.
MODULES: Final = (
    "replay",
    "live",
    "latency",
    "rules",
    "strategies",
    "startup",
    "growth",
    "uptime",
)


class UnknownCaseError(Exception):
    """No case has such a name; the text says which there are."""


def cases(names: Sequence[str] = ()) -> list[Case]:
    """Return the cases with these names, or that begin with one of them and a dot; all for none.

    Raises:
        UnknownCaseError: a name fits none.
    """
    found = [case for module in MODULES if _has(module, names) for case in _of(module)]
    if unknown := [name for name in names if not any(_fits(case.name, name) for case in found)]:
        there = ", ".join(case.name for module in MODULES for case in _of(module))
        raise UnknownCaseError(f"no case is named {', '.join(unknown)}; there are: {there}")
    return [case for case in found if not names or any(_fits(case.name, one) for one in names)]


def _of(module: str) -> Sequence[Case]:
    made: Sequence[Case] = import_module(f"tests.benchmarks.{module}").CASES
    return made


def _has(module: str, names: Sequence[str]) -> bool:
    return not names or any(name.split(".")[0] == module for name in names)


def _fits(case: str, name: str) -> bool:
    return case == name or case.startswith(f"{name}.")
