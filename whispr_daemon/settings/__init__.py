"""The only reader of config/ and the environment: whispr.yaml < secrets < WHISPR_* < flags."""

from whispr_daemon.settings.layers import DEFAULT_CONFIG, load
from whispr_daemon.settings.model import (
    RULES_ID,
    ConsoleOutlet,
    FilesSource,
    InstrumentSettings,
    JsonlOutlet,
    LogSettings,
    OutletSettings,
    RedisOutlet,
    RulesSettings,
    Settings,
    SimulatedSource,
    SourceSettings,
    StrategySettings,
)
from whispr_daemon.settings.servers import HealthEndpoint, PostgresServer, RayCluster, RedisServer

__all__ = [
    "DEFAULT_CONFIG",
    "RULES_ID",
    "ConsoleOutlet",
    "FilesSource",
    "HealthEndpoint",
    "InstrumentSettings",
    "JsonlOutlet",
    "LogSettings",
    "OutletSettings",
    "PostgresServer",
    "RayCluster",
    "RedisOutlet",
    "RedisServer",
    "RulesSettings",
    "Settings",
    "SimulatedSource",
    "SourceSettings",
    "StrategySettings",
    "load",
]
