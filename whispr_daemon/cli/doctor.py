"""``whispr doctor``: would a daemon with these settings start, and if not, why not."""

import platform
from collections.abc import Callable, Coroutine, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import typer

from whispr_daemon.adapters import plugins
from whispr_daemon.adapters.api.server import check_port
from whispr_daemon.bootstrap.edges import source_of
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.bootstrap.look import running
from whispr_daemon.bootstrap.reach import open_ports
from whispr_daemon.bootstrap.rule_files import rule_files
from whispr_daemon.bootstrap.servers import reach_of, server_at, servers_of
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import FAILED, out, plural
from whispr_daemon.domain.errors import SettingsError, WhisprError
from whispr_daemon.rules.load import load as load_rules
from whispr_daemon.settings import Settings, load

_Check: TypeAlias = Callable[[Settings], Coroutine[Any, Any, str]]


def doctor(config: Path | None, given: Mapping[str, Any]) -> None:
    """Check what a start with these settings needs, and print what was found.

    Raises:
        SettingsError: the settings are wrong.
        typer.Exit: something else is.
    """
    settings = load(config, given)
    wrong = serve(lambda _stop: _examine(settings))
    if wrong:
        raise typer.Exit(FAILED)


async def _examine(settings: Settings) -> int:
    checks: dict[str, _Check] = {
        "versions": _versions,
        "rules": _rules,
        "strategies": _strategies,
        "source": _source,
        "data folder": _folder,
        "health port": _port,
        "servers": _servers,
    }
    wrong = 0
    for name, check in checks.items():
        try:
            found, style = await check(settings), "green"
        except WhisprError as error:
            found, style = str(error), "red"
            wrong += 1
        out.print(f"[{style}]{'ok ' if style == 'green' else 'BAD'}[/] {name:<12}", end=" ")
        out.print(found, markup=False, soft_wrap=True)
    return wrong


async def _versions(_settings: Settings) -> str:
    return f"whispr {version('whispr-daemon')}, Python {platform.python_version()}"


async def _rules(settings: Settings) -> str:
    files = rule_files(settings.rules.dir)
    loaded = load_rules(files)
    if loaded.errors:
        raise SettingsError("\n".join(str(error) for error in loaded.errors))
    return f"{plural(len(loaded.rules), 'rule')} in {settings.rules.dir or 'no folder'}"


async def _strategies(settings: Settings) -> str:
    for strategy in settings.strategies:
        plugins.build(strategy.plugin, strategy.params)
    names = ", ".join(plugins.installed()) or "none"
    return f"{len(settings.strategies)} configured; installed: {names}"


async def _source(settings: Settings) -> str:
    source = await source_of(settings)
    return source.name if source.total is None else f"{source.name}, {source.total} rows"


async def _folder(settings: Settings) -> str:
    found = running(settings)
    if found is not None:
        return f"{settings.data}: daemon {found.pid} runs on it"
    folder = DataFolder(settings.data)
    folder.check()
    folder.check_tier(settings.tier)
    return f"{settings.data} is writable and free"


async def _port(settings: Settings) -> str:
    found = running(settings)
    if found is not None:
        return f"in use by daemon {found.pid}: {found.health_url}"
    check_port(settings.health.host, settings.health.port)
    return f"{settings.health.host}:{settings.health.port} is free"


async def _servers(settings: Settings) -> str:
    if settings.tier == 0:
        return "none needed on tier 0"
    if server_at(settings.postgres) is None or server_at(settings.redis) is None:
        return "without postgres.url and redis.url, tier 1 starts its own"
    async with (
        servers_of(settings, settings.data, lambda _: None) as servers,
        open_ports(reach_of(settings, settings.data, servers)),
    ):
        return "Postgres and Redis answer, and are set to lose nothing"
