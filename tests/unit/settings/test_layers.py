"""What counts: whispr.yaml < secrets < environment < flags."""

import pickle
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.settings import (
    ConsoleOutlet,
    FilesSource,
    RedisOutlet,
    Settings,
    SimulatedSource,
    load,
)

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration file, return its path."""

    def write_file(text: str) -> Path:
        path = tmp_path / "whispr.yaml"
        path.write_text(text)
        return path

    return write_file


def test_the_shipped_file_says_what_the_code_says(repo_root: Path) -> None:
    assert load(repo_root / "config" / "whispr.yaml") == Settings()


def test_the_shipped_file_names_every_setting(repo_root: Path) -> None:
    text = (repo_root / "config" / "whispr.yaml").read_text()
    assert [key for key in Settings.model_fields if f"\n{key}:" not in f"\n{text}"] == []


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load() == Settings()


def test_each_layer_beats_the_one_below(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "redis__prefix").write_text("from-secrets\n")
    (secrets / "redis__password").write_text("hush\n")
    monkeypatch.setenv("WHISPR_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("WHISPR_REDIS__PREFIX", "from-environment")
    monkeypatch.setenv("WHISPR_HEALTH__PORT", "1")
    file = write("redis: {prefix: from-file}\nhealth: {port: 2}\npartitions: 9")
    found = load(file, {"health": {"port": 0}})
    assert found.redis.prefix == "from-environment"
    assert found.redis.password is not None
    assert found.redis.password.get_secret_value() == "hush"
    assert (found.health.port, found.partitions) == (0, 9)


def test_a_source_of_another_kind_starts_afresh(write: Write) -> None:
    file = write("source: {kind: simulated, seed: 7, speed: 10}")
    found = load(file, {"source": {"kind": "files", "paths": ["spy.csv"]}})
    assert found.source == FilesSource(kind="files", paths=(Path("spy.csv"),))


def test_a_source_without_kind_is_the_simulated_one(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_SOURCE__SPEED", "0")
    found = load(write("source: {start: 2023-05-01}"))
    assert found.source == SimulatedSource(speed=0, start=date(2023, 5, 1))


def test_lists_come_from_the_environment_as_json(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_STRATEGIES", '[{"plugin": "ema_cross", "params": {"fast": 3}}]')
    (strategy,) = load(write("")).strategies
    assert (strategy.plugin, strategy.id, strategy.params) == (
        "ema_cross",
        "ema_cross",
        {"fast": 3},
    )


def test_outlets_follow_the_tier_unless_named(write: Write) -> None:
    assert load(write("tier: 0")).routes() == (ConsoleOutlet(),)
    assert load(write("tier: 1")).routes() == (ConsoleOutlet(), RedisOutlet(kind="redis"))
    assert load(write("tier: 1\noutlets: []")).routes() == ()


def test_settings_travel_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(Settings())) == Settings()


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: there is no such file"):
        load(tmp_path / "nowhere.yaml")
