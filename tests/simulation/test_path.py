"""The whole path under scripted faults by seed: nothing lost, nothing twice; a checker that fails.

More seeds, and one again: ``ops/simulate --seeds 20000``, ``ops/simulate --from 17 --seeds 1``.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from tests.simulation.__main__ import main
from tests.simulation.checker import verdict
from tests.simulation.mutants import MUTANTS
from tests.simulation.plan import HOSTS, KINDS, SERVERS, SERVICES
from tests.simulation.quiet import quiet

SEEDS = 300
AT_ONCE = 20  # seeds a test
MUTANT_SEEDS = 30


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_the_path_keeps_its_promise(first: int) -> None:
    seeds = range(first, first + AT_ONCE)
    failed = {seed: wrong for seed in seeds if (wrong := verdict(seed).wrong)}
    assert failed == {}, f"again: ops/simulate --from {min(failed)} --seeds 1"


@pytest.mark.parametrize("name", MUTANTS)
def test_the_checker_notices_each_rule_that_is_broken(name: str) -> None:
    caught = sum(bool(verdict(seed, MUTANTS[name]).wrong) for seed in range(MUTANT_SEEDS))
    assert caught >= MUTANT_SEEDS // 15


@cache
def _seen() -> Counter[str]:
    return sum((verdict(seed).seen for seed in range(150)), Counter())


@pytest.mark.parametrize(
    "what",
    [
        "lost a request",
        "lost a reply",
        "found a server away",
        "tore an append",
        "a request came after its sender had gone",
        "it was refused",
        "fenced a process",
        "started a host",
        "killed a host that stood still",
    ],
)
def test_what_goes_wrong_does_come_about(what: str) -> None:
    assert _seen()[what] > 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_scripts_have_faults_of_every_kind(kind: str) -> None:
    targets = {
        target
        for target in (*HOSTS, *SERVICES, *SERVERS)
        if any(what.startswith(f"{kind} {target}") for what in _seen())
    }
    assert len(targets) > 2


def test_a_seed_does_the_same_each_time() -> None:
    assert [verdict(seed) for seed in range(5)] == [verdict(seed) for seed in range(5)]


def test_a_seed_that_fails_says_what_went_wrong_and_how_to_see_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed = next(each for each in range(99) if verdict(each, MUTANTS["two-transactions"]).wrong)
    ended = main(["--from", str(seed), "--seeds", "1", "--mutant", "two-transactions"])
    said = capsys.readouterr().out
    assert ended == 0  # the mutant was caught
    assert "wrong: " in said
    assert f"again: ops/simulate --from {seed} --seeds 1 --mutant two-transactions" in said
    assert main(["--from", str(seed), "--seeds", "1"]) == 0
