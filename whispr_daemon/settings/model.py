"""What can be set, and the values it has when nobody sets it: the same as in config/whispr.yaml."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from whispr_daemon.domain.address import MASK, SECRET, masked, masked_in
from whispr_daemon.domain.timeframe import CODE_OF
from whispr_daemon.domain.unit import Isolation
from whispr_daemon.settings.servers import (
    HealthEndpoint,
    PostgresServer,
    RayCluster,
    RedisServer,
    Section,
)

RULES_ID: Final = "rules"  # the strategy id of the rules engine


def _check_tier(found: Any) -> Any:
    if str(found) == "2":
        raise ValueError("tier 2 (Kafka, object store) is not built yet; use 0 or 1")
    return int(found) if isinstance(found, str) and found.isdecimal() else found


def _check_timeframe(name: str) -> str:
    if not name or name not in CODE_OF:
        raise ValueError(f"should be one of {', '.join(filter(None, CODE_OF))}")
    return name


Tier: TypeAlias = Annotated[Literal[0, 1], BeforeValidator(_check_tier)]
Timeframe: TypeAlias = Annotated[str, AfterValidator(_check_timeframe)]
Symbol: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Seconds: TypeAlias = Annotated[float, Field(gt=0)]
Speed: TypeAlias = Annotated[float, Field(ge=0)]  # market seconds in a second; 0: no pace at all


class InstrumentSettings(Section):
    """What is particular about an instrument."""

    calendar: str  # as exchange_calendars names it: XNYS, CMES, 24/7 …


class RulesSettings(Section):
    """The rule files, and over how many hosts their partitions are spread."""

    dir: Path | None = Path("config/rules")  # a folder, or one file; None: no rules
    hosts: int = Field(default=1, ge=1, le=64)
    watch: bool = True  # follow what is edited while the daemon runs
    align_wait: Seconds = 2.0  # at most, for bars of symbols that rules refer to
    jit: Literal["auto", "always", "off"] = "auto"  # what is folded often is compiled: ops/adr/0013


class StrategySettings(Section):
    """A Python strategy to run, found by its entry point in group ``whispr.strategies``."""

    plugin: str
    id: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]*$")  # where empty: the plugin's name
    params: Mapping[str, Any] = Field(default={}, repr=False)  # may hold secrets
    symbols: tuple[Symbol, ...] = ()  # empty: all
    isolation: Isolation = "dedicated"

    @model_validator(mode="before")
    @classmethod
    def _name_after_plugin(cls, found: Any) -> Any:
        if isinstance(found, Mapping) and "plugin" in found and not found.get("id"):
            return {**found, "id": found["plugin"]}
        return found


class SimulatedSource(Section):
    """A seeded market that looks real. Everything it makes is labelled simulated."""

    kind: Literal["simulated"] = "simulated"
    seed: int = Field(default=7, ge=0)
    symbols: tuple[Symbol, ...] = Field(
        default=("SPY", "QQQ", "IWM", "AAPL", "MSFT", "NVDA", "TSLA", "AMD"), min_length=1
    )
    speed: Speed = 300.0
    start: date = date(2025, 1, 2)  # the first session is on or after it
    history_days: int = Field(default=260, ge=0)  # sessions of daily bars before the first
    warm_sessions: int = Field(default=2, ge=0)  # come at once, before the pace


class FilesSource(Section):
    """Parquet or CSV files, columns as in the README."""

    kind: Literal["files"]
    paths: tuple[Path, ...] = Field(min_length=1)
    history: tuple[Path, ...] = ()  # daily bars, for indicators that need days
    splits: tuple[Path, ...] = ()  # splits and dividends; prices in the other files are unadjusted
    symbols: tuple[Symbol, ...] = ()  # empty: all in the files
    timeframe: Timeframe = "1m"
    speed: Speed = 0.0


class ConsoleOutlet(Section):
    """Each signal and alert as a line on standard output."""

    kind: Literal["console"] = "console"


class JsonlOutlet(Section):
    """Each signal and alert as a line of JSON, appended to a file."""

    kind: Literal["jsonl"]
    path: Path


class RedisOutlet(Section):
    """The stream of signals, on tier 1."""

    kind: Literal["redis"]


class LogSettings(Section):
    """The daemon's own log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
    file: Path | None = None  # None: standard error, or where that is a terminal, logs/daemon.log


SourceSettings: TypeAlias = Annotated[SimulatedSource | FilesSource, Field(discriminator="kind")]
OutletSettings: TypeAlias = Annotated[
    ConsoleOutlet | JsonlOutlet | RedisOutlet, Field(discriminator="kind")
]


class Settings(BaseSettings):
    """Everything that can be set. Made by ``load``; made directly, it reads no environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # it may be a secret
        env_prefix="WHISPR_",
        env_nested_delimiter="__",
    )

    tier: Tier = 0
    data: Path = Path("data")
    partitions: int = Field(default=4, ge=1, le=1024)
    calendar: str = "XNYS"  # of instruments that name none
    instruments: Mapping[str, InstrumentSettings] = {}
    watchlist: tuple[Symbol, ...] = ()  # of rules that name no symbols; empty: all there are
    universes: Mapping[str, tuple[Symbol, ...]] = {}  # lists of symbols that rules may name
    rules: RulesSettings = RulesSettings()
    strategies: tuple[StrategySettings, ...] = ()
    source: SourceSettings = SimulatedSource()
    outlets: tuple[OutletSettings, ...] | None = None  # None: console, on tier 1 redis too
    health: HealthEndpoint = HealthEndpoint()
    postgres: PostgresServer = PostgresServer()
    redis: RedisServer = RedisServer()
    ray: RayCluster = RayCluster()
    snapshot_seconds: Seconds = 5.0
    snapshot_rows: int = Field(default=1_000_000, ge=1)
    idle_commit_seconds: Seconds = 1.0
    keep_days: float = Field(default=400, gt=0)  # of event time, kept in the log at least
    keep_bytes: int | None = Field(default=4_000_000_000, ge=1_000_000)  # of the log at most
    stall_seconds: Seconds = 15.0
    deaths: int = Field(default=5, ge=2)
    deaths_within_seconds: Seconds = 600.0
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _check_strategy_ids(self) -> Self:
        seen = {RULES_ID}
        for strategy in self.strategies:
            if strategy.id in seen:
                raise ValueError(
                    f"strategies: the id {strategy.id!r} is taken; give this one another with 'id:'"
                )
            seen.add(strategy.id)
        return self

    @model_validator(mode="after")
    def _check_outlets(self) -> Self:
        if self.tier == 0 and any(outlet.kind == "redis" for outlet in self.outlets or ()):
            raise ValueError("outlets: 'redis' needs tier 1; on tier 0 use console or jsonl")
        return self

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but the arguments: ``load`` merges the layers itself, to tell them apart."""
        return (init_settings,)

    def routes(self) -> tuple[OutletSettings, ...]:
        """Return the outlets in effect."""
        if self.outlets is not None:
            return self.outlets
        return (ConsoleOutlet(), RedisOutlet(kind="redis")) if self.tier else (ConsoleOutlet(),)

    def masked(self) -> str:
        """Return the values in effect as YAML, in the shape of whispr.yaml, secrets masked."""
        in_effect = self.model_copy(update={"outlets": self.routes()})
        return yaml.safe_dump(
            _plain(in_effect.model_dump(mode="python")), sort_keys=False, allow_unicode=True
        )


def _plain(found: Any, key: str = "") -> Any:
    match found:
        case Mapping():
            return {inner: _plain(value, str(inner)) for inner, value in found.items()}
        case list() | tuple():
            return [_plain(value) for value in found]
        case SecretStr():
            return masked(found.get_secret_value()) if key == "url" else MASK
        case Path():
            return str(found)
        case str():  # of a strategy's parameters, whatever they are
            return MASK if SECRET.search(key) else masked_in(found)
        case _:
            return found
