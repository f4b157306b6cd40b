"""Addresses carry their password to the client, and to nobody else."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from whispr_daemon.settings import (
    HealthEndpoint,
    PostgresServer,
    RedisServer,
    Settings,
    StrategySettings,
)

HUSH = "p@ss/word"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{HUSH}\n")
    return path


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:se/cr#et@h/db",
        "postgresql://u:12?x@h/db",
        "postgresql://u:p w@h/db",
        "postgresql://h/db?sslpassword=hush",
    ],
)
def test_a_url_whose_password_cannot_be_told_apart_is_refused_unseen(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PostgresServer(url=url)  # type: ignore[arg-type]
    for secret in ("se/", "cr", "12?", "p w", "hush"):
        assert secret not in str(caught.value)


def test_other_machines_need_the_token(secret_file: Path) -> None:
    endpoint = HealthEndpoint(host="0.0.0.0", token_file=secret_file)
    assert endpoint.token is not None
    assert endpoint.token.get_secret_value() == HUSH


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert HealthEndpoint(host=host).token is None


def test_what_is_printed_holds_no_secret(secret_file: Path) -> None:
    settings = Settings(
        postgres=PostgresServer(url="postgresql://me:hunter2@db/w"),  # type: ignore[arg-type]
        redis=RedisServer(url="redis://c/0?password=hunter2", password_file=secret_file),  # type: ignore[arg-type]
        health=HealthEndpoint(token_file=secret_file),
        strategies=(StrategySettings(plugin="x", params={"api_key": "hunter2", "fast": 3}),),
    )
    printed = settings.masked()
    shown = yaml.safe_load(printed)
    assert shown["postgres"]["url"] == "postgresql://me:********@db/w"
    assert shown["redis"]["url"] == "redis://c/0?password=********"
    assert shown["redis"]["password"] == shown["health"]["token"] == "********"
    assert shown["strategies"][0]["params"] == {"api_key": "********", "fast": 3}
    for text in (printed, repr(settings), str(settings)):
        assert HUSH not in text
        assert "hunter2" not in text
