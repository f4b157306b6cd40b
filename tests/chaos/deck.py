"""Faults are dealt like cards: each kind once before any comes again, in an order of the seed."""

from collections.abc import Sequence
from random import Random

from tests.chaos.faults import Fault, Place


class Deck:
    """A deck of all kinds of fault. Some can be had in one place only; a round is in one place."""

    def __init__(self, kinds: Sequence[Fault], random: Random) -> None:
        """``kinds`` has one at least; ``random`` shuffles."""
        self._kinds = kinds
        self._random = random
        self._cards: list[Fault] = []
        self._shuffle(kinds)

    def places(self) -> list[Place]:
        """Return the places that are needed to meet all kinds, at least one."""
        found: list[Place] = [
            place
            for place in ("own", "proxied")
            if any(each.place == place for each in self._kinds)
        ]
        return found or ["own"]

    def neediest(self) -> Place:
        """Return the place in which most kinds are still to be met in this turn of the deck."""
        return max(
            self.places(), key=lambda place: sum(each.place == place for each in self._cards)
        )

    def deal(self, place: Place) -> Fault:
        """Return the next kind that can be had in a place."""
        if not any(_had(each, place) for each in self._cards):
            self._shuffle([each for each in self._kinds if _had(each, place)])
        card = next(each for each in self._cards if _had(each, place))
        self._cards.remove(card)
        return card

    def _shuffle(self, cards: Sequence[Fault]) -> None:
        self._cards += self._random.sample(cards, len(cards))


def _had(fault: Fault, place: Place) -> bool:
    return fault.place in ("any", place)
