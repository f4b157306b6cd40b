"""A mistake is told with its place and with what would be right; all are told at once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.settings import load

Complain = Callable[..., list[str]]


@pytest.fixture
def complaints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Complain:
    """Load a file that is wrong, return the lines of the error."""
    monkeypatch.chdir(tmp_path)

    def complain(text: str, flags: Mapping[str, Any] | None = None) -> list[str]:
        Path("w.yaml").write_text(text)
        with pytest.raises(SettingsError) as caught:
            load(Path("w.yaml"), flags)
        return str(caught.value).splitlines()

    return complain


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("data: x\nteir: 1", "w.yaml:2:1: unknown key 'teir' (did you mean 'tier'?)"),
        ("zzz: 1", "w.yaml:1:1: unknown key 'zzz'"),
        (
            "health:\n  prot: 1",
            "w.yaml:2:3: unknown key 'prot' in health (did you mean 'port'?)",
        ),
        (
            "source: {kind: simulated, sped: 1}",
            "w.yaml:1:27: unknown key 'sped' in source (did you mean 'speed'?)",
        ),
        (
            "strategies:\n  - {plugin: a, isolation: alone}",
            "w.yaml:2:17: strategies.0.isolation: should be 'shared' or 'dedicated', found 'alone'",
        ),
        ("outlets:\n  - kind: jsonl", "w.yaml:2:5: outlets.0.path is missing"),
        ("outlets:\n  - path: x", "w.yaml:2:5: outlets.0: kind is missing"),
        (
            "outlets: [{kind: consol}]",
            "w.yaml:1:11: outlets.0: kind is 'consol', "
            "should be one of 'console', 'jsonl', 'redis'",
        ),
        (
            "tier: 2",
            "w.yaml:1:1: tier: tier 2 (Kafka, object store) is not built yet; use 0 or 1, found 2",
        ),
        ("partitions: 0", "w.yaml:1:1: partitions: should be greater than or equal to 1, found 0"),
        ("log: 5", "w.yaml:1:1: log: should be keys and values, found 5"),
        ("strategies: 5", "w.yaml:1:1: strategies: should be a list, found 5"),
        (
            "strategies: [{plugin: a}, {plugin: a}]",
            "w.yaml: strategies: the id 'a' is taken; give this one another with 'id:'",
        ),
        (
            "outlets: [{kind: redis}]",
            "w.yaml: outlets: 'redis' needs tier 1; on tier 0 use console or jsonl",
        ),
        (
            "health:\n  host: 0.0.0.0",
            "w.yaml:1:1: health: host 0.0.0.0 can be reached from other machines: "
            "set health.token_file, or host to 127.0.0.1",
        ),
        ("tier: 1\ntier: 0", "w.yaml:2:1: 'tier' is already set in line 1"),
        ("tier: [", "w.yaml:1:8: expected the node content, but found '<stream end>'"),
        ("- tier", "w.yaml:1:1: should be keys and values, like 'tier: 0'"),
    ],
)
def test_a_mistake_in_the_file(complaints: Complain, text: str, line: str) -> None:
    assert complaints(text) == [line]


def test_mistakes_in_environment_and_flags(
    complaints: Complain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_TEIR", "1")
    monkeypatch.setenv("WHISPR_LOG__LEVEL", "loud")
    monkeypatch.setenv("WHISPR_OUTLETS", "[{")
    monkeypatch.setenv("WHISPR_INSTRUMENTS__SPY__CALENDAR", "XNYS")
    assert complaints("tier: 0", {"health": {"port": -1}}) == [
        "environment WHISPR_INSTRUMENTS__SPY__CALENDAR: set instruments in the file",
        "environment: unknown variable WHISPR_TEIR (did you mean WHISPR_TIER?)",
        "environment WHISPR_OUTLETS: outlets: should be a list, found '[{'",
        "flags: health.port: should be greater than or equal to 0, found -1",
        "environment WHISPR_LOG__LEVEL: log.level: should be 'debug', 'info', 'warning' or 'error'"
        ", found 'loud'",
    ]


def test_a_secret_is_never_repeated(complaints: Complain) -> None:
    lines = complaints("postgres: {url: 'mysql://me:hunter2@db/x', password: [hunter2]}")
    assert lines == [
        "w.yaml:1:12: postgres.url: should be a URL that begins with postgresql://",
        "w.yaml:1:44: postgres.password: should be a valid string",
    ]


def test_a_secret_file_must_be_there_and_say_something(complaints: Complain) -> None:
    assert complaints("redis: {password_file: gone}") == [
        "w.yaml:1:1: redis: password_file gone cannot be read: No such file or directory"
    ]
    Path("empty").write_text("\n")
    assert complaints("redis: {password_file: empty}") == [
        "w.yaml:1:1: redis: password_file empty is empty"
    ]


def test_the_folder_of_secrets_must_exist(
    complaints: Complain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_SECRETS_DIR", "gone")
    assert complaints("") == ["environment WHISPR_SECRETS_DIR: there is no folder gone"]
