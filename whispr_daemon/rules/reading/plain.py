"""Plain data that may be misshapen anywhere: what is not as expected counts as not said."""

from typing import Any

from whispr_daemon.rules.document.keys import MOST


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: object, most: int = MOST) -> list[Any]:
    """Return a list, anything else as an empty one; what is beyond ``most`` is refused already."""
    return value[:most] if isinstance(value, list) else []


def text(value: object, default: str = "") -> str:
    """Return a text as it is."""
    return value if isinstance(value, str) else default


def flag(value: object) -> bool:
    """Is it true, and nothing else?"""
    return value is True


def number(value: object, default: float) -> float:
    """Return a number as a float."""
    given = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if given else default  # type: ignore[arg-type]


def whole(value: object, default: int) -> int:
    """Return a whole number; 14.0 is one, too."""
    return int(number(value, default))


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list."""
    found = value if isinstance(value, list) else []
    return tuple(one for one in found if isinstance(one, str))


def word(value: object, known: tuple[str, ...]) -> Any:
    """Return a word that is known, else the first of them."""
    return value if value in known else known[0]
