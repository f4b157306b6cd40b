"""Asks a running daemon at its endpoints."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from whispr_daemon.bootstrap.folder import Running
from whispr_daemon.domain.errors import WhisprError
from whispr_daemon.settings import Settings

_PATIENCE: Final = 5.0  # seconds


def ask(
    found: Running, settings: Settings, path: str, told: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a daemon's answer at ``path``; ``told`` is what it is told (POST), None: nothing.

    Raises:
        WhisprError: it does not answer, or refuses; with what it says.
    """
    body = None if told is None else json.dumps(told).encode()
    request = urllib.request.Request(f"{found.health_url}{path}", body)  # noqa: S310 - our own http URL
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if settings.health.token is not None:
        token = settings.health.token.get_secret_value()
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
    except (urllib.error.URLError, TimeoutError) as error:
        raise WhisprError(
            f"daemon {found.pid} runs, but {found.health_url} does not answer: {error}"
        ) from error
    return answer
