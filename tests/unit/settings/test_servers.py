"""Addresses carry their password to the client, and to nobody else."""

from pathlib import Path

import pytest
import yaml

from whispr_daemon.settings import HealthEndpoint, PostgresServer, RedisServer, Settings

HUSH = "p@ss/word"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{HUSH}\n")
    return path


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://me@db:5432/w", "postgresql://me:p%40ss%2Fword@db:5432/w"),
        (
            "postgresql://me:old@db/w?sslmode=require",
            "postgresql://me:p%40ss%2Fword@db/w?sslmode=require",
        ),
        ("postgresql://db/w", "postgresql://:p%40ss%2Fword@db/w"),
    ],
)
def test_the_password_goes_into_the_url(secret_file: Path, url: str, address: str) -> None:
    assert PostgresServer(url=url, password_file=secret_file).address() == address  # type: ignore[arg-type]


def test_without_password_the_url_stays(tmp_path: Path) -> None:
    assert RedisServer(url="redis://cache/0").address() == "redis://cache/0"  # type: ignore[arg-type]
    assert RedisServer().address() is None


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
        redis=RedisServer(url="redis://c/0", password_file=secret_file),  # type: ignore[arg-type]
        health=HealthEndpoint(token_file=secret_file),
    )
    printed = settings.masked()
    shown = yaml.safe_load(printed)
    assert shown["postgres"]["url"] == "postgresql://me:********@db/w"
    assert shown["redis"]["password"] == shown["health"]["token"] == "********"
    for text in (printed, repr(settings), str(settings)):
        assert HUSH not in text
        assert "hunter2" not in text
