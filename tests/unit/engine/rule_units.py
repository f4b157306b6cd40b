"""A unit of rules over a log that has the changes of its rules, and dies as often as asked."""

import asyncio
from collections.abc import Sequence
from random import Random

import msgspec

from tests.simulation.faults import crash, settle
from tests.simulation.parts import World
from whispr_daemon.domain.batch import change_row
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.position import Position
from whispr_daemon.ports.event_log import Entry
from whispr_daemon.rules.change import RuleChange
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy


def with_changes(found: Sequence[Entry], *places: int) -> list[Entry]:
    """Return entries with the changes 1, 2, … of the rules before those at ``places``."""
    parts: list[Entry] = []
    for place, entry in enumerate(found):
        if place in places:
            row = change_row(places.index(place) + 1, int(entry.rows["ts"][0]))
            parts.append(Entry(position=Position(1, 1), source="rules", marks={}, rows=row))
        parts.append(entry)
    number, offset, marks = 0, 0, {}
    made = []
    for seq, entry in enumerate(parts, start=1):
        number += entry.source == "rules"
        offset += len(entry.rows)
        marks = {**marks, **entry.marks, "rules": number}
        position = Position(1, seq)
        made.append(msgspec.structs.replace(entry, position=position, offset=offset, marks=marks))
    return made


async def said(
    log: Sequence[Entry], changes: Sequence[RuleChange], deaths: int = 0, seed: int = 0
) -> list[Output]:
    """Return what a unit says over a log whose changes are these; it dies so many times."""
    random, world = Random(seed), World(seed=seed, faults=0.02)
    for change in changes:
        await world.store.add_change(change.encode())
    await world.fill(log)

    def unit() -> RulesStrategy:
        return RulesStrategy([], RuleSettings(require="formed"))

    for _ in range(deaths):
        task = asyncio.ensure_future(world.unit(unit()).run())
        for _ in range(random.randrange(40)):
            await settle(world.clock, random.randrange(1, 12))
            world.clock.advance(0.05)
        await crash(task)
    await world.run_to_end(world.unit(unit()))
    assert await world.store.quarantined() == ()
    return await world.outputs()
