"""What should run: hosts, their units and strategies. Plain data, kept in the store.

What the rules are is not in it: the log says that.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import HostSpec, UnitSpec
from whispr_daemon.domain.value import Value
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.settings import RULES_ID, Settings

RULES: Final = RULES_ID
_SHARED: Final = "shared"  # the host of all strategies that do not ask for one of their own


class Choice(Value, frozen=True, kw_only=True):
    """A plug-in strategy as configured."""

    id: str
    plugin: str
    params: Mapping[str, Any] = {}
    symbols: tuple[str, ...] = ()
    dedicated: bool = True


class Desired(Value, frozen=True, kw_only=True):
    """All that a host needs to build its units, the same in whatever process it runs."""

    hosts: tuple[HostSpec, ...]
    choices: tuple[Choice, ...] = ()
    rules: RuleSettings = RuleSettings()  # of partition 0

    def encode(self) -> bytes:
        """Return it as JSON for the store."""
        return msgspec.json.encode(self)

    def choice(self, strategy: str) -> Choice:
        """Return the configured strategy with this id."""
        return next(choice for choice in self.choices if choice.id == strategy)

    def units(self) -> Iterator[UnitSpec]:
        """Yield the units of all hosts."""
        for host in self.hosts:
            yield from host.units


def decode(body: bytes) -> Desired:
    """Read :meth:`Desired.encode` back."""
    return msgspec.json.decode(body, type=Desired)


def desired(settings: Settings, ends: Sequence[Position], before: Desired | None = None) -> Desired:
    """Lay the units out over hosts.

    ``ends[partition]`` is where the log ends now: a unit never seen before says nothing about what
    lies before it. A unit that was desired ``before`` keeps its start: the daemon may have died
    after it appended to the log and before a host claimed the unit. The rules' partitions are
    spread over ``rules.hosts`` hosts; a strategy gets a host of its own unless its isolation is
    ``shared``.
    """
    begun = {unit.unit_id: unit.start for unit in before.units()} if before else {}

    def unit(strategy: str, partition: int, end: Position) -> UnitSpec:
        made = UnitSpec(strategy=strategy, partition=partition, start=end)
        return msgspec.structs.replace(made, start=begun.get(made.unit_id, end))

    choices = tuple(
        Choice(
            id=strategy.id,
            plugin=strategy.plugin,
            params=dict(strategy.params),
            symbols=strategy.symbols,
            dedicated=strategy.isolation == "dedicated",
        )
        for strategy in settings.strategies
    )
    hosts: dict[str, list[UnitSpec]] = defaultdict(list)
    for partition, end in enumerate(ends):
        if settings.rules.dir is not None:
            host_id = f"{RULES}-{partition % settings.rules.hosts}"
            hosts[host_id].append(unit(RULES, partition, end))
        for choice in choices:
            host_id = choice.id if choice.dedicated else _SHARED
            hosts[host_id].append(unit(choice.id, partition, end))
    return Desired(
        hosts=tuple(HostSpec(host_id=name, units=tuple(units)) for name, units in hosts.items()),
        choices=choices,
        rules=RuleSettings(
            watchlist=settings.watchlist,
            universes=settings.universes,
            calendar=settings.calendar,
            calendars={name: each.calendar for name, each in settings.instruments.items()},
            partitions=len(ends),
        ),
    )
