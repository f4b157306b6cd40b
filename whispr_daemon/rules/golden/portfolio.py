"""Account and position figures that a test gives, by time."""

from collections.abc import Mapping
from typing import Any

from whispr_daemon.rules.golden.given import Setting


def portfolio(_setting: Setting, _given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the settings take of it."""
    return {}
