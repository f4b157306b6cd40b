"""The colours of directions and severities on a terminal."""

from typing import Final

DIRECTIONS: Final = {
    "up": "green",
    "long": "green",
    "down": "red",
    "short": "red",
    "flat": "yellow",
}
SEVERITIES: Final = {
    "debug": "dim",
    "info": "cyan",
    "warn": "yellow",
    "error": "red",
    "critical": "bold white on red",
}
