"""Sources and outlets, as the settings choose them."""

from contextlib import AsyncExitStack

from rich.console import Console

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.outlets.console import ConsoleOutlet
from whispr_daemon.adapters.outlets.jsonl import JsonLinesOutlet
from whispr_daemon.adapters.sources.files import FileSource, Splits
from whispr_daemon.adapters.sources.paced import Paced
from whispr_daemon.adapters.sources.simulated import SimulatedSource, Simulation
from whispr_daemon.bootstrap.reach import Reach
from whispr_daemon.ports.outlet import Outlet
from whispr_daemon.ports.source import Source
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.settings import FilesSource, OutletSettings, Settings
from whispr_daemon.settings import JsonlOutlet as JsonlSettings
from whispr_daemon.settings import RedisOutlet as RedisSettings


async def source_of(settings: Settings) -> Source:
    """Return the source, paced where a speed is set.

    Raises:
        SourceError: a file cannot be read as asked.
        SettingsError: the simulation cannot be had as asked.
    """
    chosen = settings.source
    if isinstance(chosen, FilesSource):
        files = await FileSource.open(
            chosen.paths,
            chosen.history,
            chosen.symbols,
            chosen.timeframe,
            Splits(chosen.splits, lambda symbol: _zone_of(symbol, settings)),
        )
        return Paced(files, SYSTEM_CLOCK, chosen.speed) if chosen.speed else files
    market = SimulatedSource(
        Simulation(
            seed=chosen.seed,
            symbols=chosen.symbols,
            start=chosen.start,
            history=chosen.history_days,
            warm_sessions=chosen.warm_sessions,
        )
    )
    if not chosen.speed:
        return market
    return Paced(market, SYSTEM_CLOCK, chosen.speed, market.live_from_seq)


def _zone_of(symbol: str, settings: Settings) -> str:
    own = settings.instruments.get(symbol)
    return calendar(settings.calendar if own is None else own.calendar).timezone


def route_of(outlet: OutletSettings) -> str:
    """Return the name under which the store remembers what this outlet was given."""
    return f"jsonl:{outlet.path}" if isinstance(outlet, JsonlSettings) else outlet.kind


async def outlet_of(
    outlet: OutletSettings, reach: Reach, console: Console, stack: AsyncExitStack
) -> Outlet:
    """Return the outlet; it is closed with ``stack``.

    Raises:
        SettingsError: the server cannot be reached.
    """
    made: Outlet
    if isinstance(outlet, JsonlSettings):
        made = JsonLinesOutlet(outlet.path)
    elif isinstance(outlet, RedisSettings):
        # Only here: a start that is without Redis does not wait for its client.
        from whispr_daemon.adapters.outlets.redis import RedisOutlet

        made = await RedisOutlet.connect(reach.redis_url, reach.redis_password, reach.redis_prefix)
    else:
        made = ConsoleOutlet(console)
    stack.push_async_callback(made.close)
    return made
