"""Functions the language has and this version does not evaluate: they are refused as such."""

from typing import Final

LATER_FUNCTIONS: Final = frozenset(("count", "emitted", "forming", "since", "sym_ok"))
