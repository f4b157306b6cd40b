"""Compares a run with one that nobody disturbed."""

import asyncio
from collections import Counter
from functools import cache
from random import Random
from typing import Final, NamedTuple

import msgspec

from tests.simulation.loop import run
from tests.simulation.mutants import HONEST, MUTANTS, Mutant
from tests.simulation.plan import Fault, plan
from tests.simulation.world import BAD, World
from whispr_daemon.domain.outputs import decode, encode

_NO_ID: Final = (MUTANTS["drawn-ids"],)  # mutants whose harm is looked for, not their ids


class Verdict(NamedTuple):
    """What came of a run."""

    wrong: list[str]  # in words; empty if all is well
    script: tuple[Fault, ...]
    seen: Counter[str]  # what happened, and how often
    seconds: float  # of virtual time


class Undisturbed(NamedTuple):
    """What is right."""

    said: dict[str, list[bytes]]
    rows: list[bytes]  # of each partition of the log


def verdict(seed: int, mutant: Mutant = HONEST) -> Verdict:
    """Run a seed and look at what came of it. The same seed does the same each time."""
    script = plan(Random(f"script {seed}"))
    world = World(seed, script, mutant)
    wrong: list[str] = []
    try:
        seconds = run(_timed(world))
    except AssertionError as error:
        seconds = 0.0
        wrong.append(str(error))
    return Verdict(wrong + _wrong(world), script, world.weather.seen, seconds)


async def _timed(world: World) -> float:
    await world.live()
    return asyncio.get_running_loop().time()


@cache
def undisturbed() -> Undisturbed:
    """Return what a run says in which nothing goes wrong, of all strategies."""
    world = World(0, ())
    run(world.live())
    assert not world.failures
    assert all(len(bodies) > 10 for bodies in world.store.said.values())
    return Undisturbed(world.store.said, world.log.rows())


def _wrong(world: World) -> list[str]:
    wrong = [repr(failure) for failure in world.failures]
    wrong += [
        f"{each.unit_id} is quarantined: {each.reason}"
        for each in world.store._quarantined.values()
    ]
    if world.log.rows() != undisturbed().rows:
        wrong.append("the log's rows differ")
    letters = sorted(seq for _, seq in world.store._letters)
    if letters != sorted(BAD):
        wrong.append(f"dead letters {letters}, expected {sorted(BAD)}")
    return wrong + _wrong_said(world) + _wrong_sent(world)


def _wrong_said(world: World) -> list[str]:
    """Compare, by unit, what is stored: all of it, in order."""
    look = _without_id if world.mutant in _NO_ID else _as_it_is
    wrong = []
    for unit_id, bodies in _expected(world).items():
        said = world.store.said.get(unit_id, [])
        if [look(body) for body in said] != [look(body) for body in bodies]:
            wrong.append(f"{unit_id} said {len(said)}, expected {len(bodies)}, or others")
    return wrong


def _wrong_sent(world: World) -> list[str]:
    """Compare what came to the receiver: each once, in the order of its unit."""
    wrong = []
    sent: dict[str, list[int]] = {}
    for unit_id, number, _ in world.receiver.sent:
        sent.setdefault(unit_id, []).append(number)
    for unit_id, bodies in _expected(world).items():
        numbers = sent.get(unit_id, [])
        twice = len(numbers) - len(set(numbers))
        lost = len(set(range(1, len(bodies) + 1)) - set(numbers))
        if numbers != list(range(1, len(bodies) + 1)):
            wrong.append(
                f"{unit_id}: {lost} not delivered, {twice} delivered twice, or in disorder"
            )
    if world.mutant not in _NO_ID:
        ids = {decode(body).id for bodies in _expected(world).values() for body in bodies}
        if {sent[2] for sent in world.receiver.sent} != ids:
            wrong.append("other ids were delivered")
    return wrong


def _expected(world: World) -> dict[str, list[bytes]]:
    names = {each.name for each in world.strategies}
    said = undisturbed().said
    return {unit: bodies for unit, bodies in said.items() if unit.split("/")[0] in names}


def _as_it_is(body: bytes) -> bytes:
    return body


def _without_id(body: bytes) -> bytes:
    return encode(msgspec.structs.replace(decode(body), id=""))
