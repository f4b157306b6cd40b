"""Settings of what Whispr talks to: their addresses, and their secrets read from files."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from whispr_daemon.domain.address import apart


class Section(BaseModel):
    """Settings that belong together. Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(Section):
    """Where a server is. Without a URL, tier 1 starts its own."""

    url: SecretStr | None = None  # may hold a password, so it is never printed whole
    password: SecretStr | None = None
    password_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_password(cls, found: Any) -> Any:
        return filled_from_file("password", found)


class PostgresServer(Server):
    """The store of tier 1."""

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: SecretStr | None) -> SecretStr | None:
        return _checked(url, "postgresql", "postgres")


class RedisServer(Server):
    """The event log of tier 1, and the stream of signals."""

    prefix: str = Field(default="whispr", pattern=r"^[A-Za-z0-9_.:-]+$")  # of every key

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: SecretStr | None) -> SecretStr | None:
        return _checked(url, "redis", "rediss")


class RayCluster(Section):
    """The runtime of tier 1."""

    address: str | None = None  # of a cluster started with ``ray start``; None: our own


class HealthEndpoint(Section):
    """Where /livez, /readyz, /metrics and /status are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65535)  # 0: any free one
    token: SecretStr | None = None  # asked for as ``Authorization: Bearer …``
    token_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_token(cls, found: Any) -> Any:
        return filled_from_file("token", found)

    @model_validator(mode="after")
    def _guard_remote_access(self) -> Self:
        if self.token is None and not _is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines: "
                "set health.token_file, or host to 127.0.0.1"
            )
        return self


def filled_from_file(name: str, found: Any) -> Any:
    """Return raw settings with the key ``name`` read from the file that ``<name>_file`` names."""
    file = found.get(f"{name}_file") if isinstance(found, Mapping) else None
    if not isinstance(file, str | Path):
        return found
    if found.get(name) is not None:
        raise ValueError(f"both {name} and {name}_file are set; keep {name}_file")
    path = Path(file).expanduser()
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"{name}_file {path} cannot be read: {why}") from error
    if not secret:
        raise ValueError(f"{name}_file {path} is empty")
    return {**found, name: secret}


def _checked(url: SecretStr | None, *schemes: str) -> SecretStr | None:
    if url is not None:
        if url.get_secret_value().partition("://")[0] not in schemes:
            raise ValueError(f"should be a URL that begins with {schemes[0]}://")
        apart(url.get_secret_value())  # what is secret in it can be told apart
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
