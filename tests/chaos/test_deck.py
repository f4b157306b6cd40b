"""Faults are dealt so that a run meets every kind."""

from collections import Counter
from random import Random

import pytest

from tests.chaos.deck import Deck
from tests.chaos.faults import TARGETS, Fault, Place, faults


@pytest.mark.parametrize("tier", [0, 1])
def test_every_kind_comes_once_before_any_comes_again(tier: int) -> None:
    kinds = faults(tier, TARGETS)
    deck = Deck(kinds, Random(1))
    dealt = [deck.deal(place).kind for place in deck.places() for _ in _of(kinds, place)]
    assert {*dealt} == {each.kind for each in kinds}
    assert len({each.kind for each in kinds}) == len(kinds)


def test_a_place_gets_only_what_can_be_had_there() -> None:
    kinds = faults(1, TARGETS)
    deck = Deck(kinds, Random(2))
    places: tuple[Place, ...] = ("own", "proxied")
    for place in places * 40:
        assert deck.deal(place).place in ("any", place)


def test_no_kind_starves_another() -> None:
    kinds = faults(0, TARGETS)
    deck = Deck(kinds, Random(3))
    counts = Counter(deck.deal("own").kind for _ in range(10 * len(kinds)))
    assert set(counts.values()) == {10}


def test_the_next_place_is_the_one_with_most_kinds_to_meet() -> None:
    kinds = faults(1, TARGETS)
    deck = Deck(kinds, Random(4))
    first = deck.neediest()
    for _ in _of(kinds, first):
        deck.deal(first)
    assert deck.neediest() != first


def test_the_same_seed_deals_the_same() -> None:
    kinds = faults(1, TARGETS)
    one, other = (Deck(kinds, Random(5)) for _ in range(2))
    assert [one.deal("own").kind for _ in kinds] == [other.deal("own").kind for _ in kinds]


def test_two_at_once_need_both_their_targets() -> None:
    both = {each.kind for each in faults(1, ["host", "postgres"])}
    alone = {each.kind for target in ("host", "postgres") for each in faults(1, [target])}
    assert both - alone == {"host killed while postgres is frozen"}


def _of(kinds: list[Fault], place: Place) -> list[Fault]:
    return [each for each in kinds if each.place in ("any", place)]
