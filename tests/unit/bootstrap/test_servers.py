"""Where the servers of the settings are, and with which password."""

from pathlib import Path

import pytest

from whispr_daemon.adapters.embedded import Server
from whispr_daemon.bootstrap.servers import server_at
from whispr_daemon.settings import PostgresServer, RedisServer


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://me@db:5432/w", Server("postgresql://me@db:5432/w", "")),
        ("postgresql://me:a%2Fb@db/w?ssl=on", Server("postgresql://me@db/w?ssl=on", "a/b")),
        ("postgresql://db/w?password=hush", Server("postgresql://db/w", "hush")),
    ],
)
def test_a_password_is_handed_over_apart_from_its_url(url: str, found: Server) -> None:
    assert server_at(PostgresServer(url=url)) == found  # type: ignore[arg-type]


def test_the_password_file_outranks_the_url(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("p@ss/word\n")
    settings = PostgresServer(url="postgresql://me:old@db/w", password_file=tmp_path / "secret")  # type: ignore[arg-type]
    assert server_at(settings) == Server("postgresql://me@db/w", "p@ss/word")


def test_without_a_url_there_is_no_server() -> None:
    assert server_at(RedisServer()) is None
