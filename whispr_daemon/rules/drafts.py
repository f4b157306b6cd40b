"""What rules say most often, written down from their records: nobody makes an object of it.

That is signals without data of their own, and fires that were stopped. How each is written follows
from what :class:`Saying` says of one record: its JSON with places left open for what differs.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import nan
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from whispr_daemon.domain.outputs import Direction, Draft, Output, encode, kind_of
from whispr_daemon.rules.actions import Emit
from whispr_daemon.rules.column import ORDER, SLOT, TS, Column
from whispr_daemon.rules.columns.values import Values
from whispr_daemon.rules.compile.record import RECORD, SUPPRESSED, Verdict
from whispr_daemon.rules.evaluated import Evaluated, View
from whispr_daemon.rules.nodes import Type
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.saying import Saying
from whispr_daemon.rules.turn import Records, Turn

Place: TypeAlias = tuple[int, int, int, int, int]  # as found.Place

_PRICE: Final = Column("price")
OF_ROW: Final = (ORDER, TS, SLOT, _PRICE)  # columns that are looked up for each record
_JSON: Final = msgspec.json.Encoder()
_TRUTHS: Final = {1.0: b"true", -1.0: b"false"}
_TEXT, _TIME = b"\0", b"\1"  # what stands for what is left open: no JSON has these
_DIRECTIONS: Final[dict[int, Direction]] = {1: "up", -1: "down", 0: ""}
_SAMPLE: Final = View(0, Values(), ["?"])


class Drafted(NamedTuple):
    """What is said of one record, in the order of its actions."""

    place: Place
    said: Sequence[Output | Draft]
    price: float  # of the row


class _Form(NamedTuple):
    """How an output is written, with places for instrument, time, price, level, and the values."""

    kind: str
    name: str
    head: bytes  # up to the ordinal
    tail: bytes  # from what follows the id on
    places: int  # how many there are


class _Forms(NamedTuple):
    """What is said of the records of one clause, verdict, direction and gap."""

    outputs: tuple[_Form, ...]
    truths: tuple[int, ...]  # which of the level and the values are no numbers
    values: int  # how many there are


_Key: TypeAlias = tuple[int, int, int, int]  # clause, verdict, direction, gap


class Drafts:
    """Writes down what one turn of a rule says."""

    def __init__(self, rule: Rule, turn: Turn, saying: Saying) -> None:
        """``saying`` speaks for the rule."""
        self._rule, self._turn, self._saying = rule, turn, saying
        self._forms: dict[_Key, _Forms | None] = {}

    def of(self, rank: int, records: Records, view: View) -> list[Drafted]:
        """Return what is said of records, in their order; ``rank`` is that of the rule."""
        ints, floats = records.listed()
        rows, values = ints[::RECORD], view.values
        keys = list(zip(*(ints[at::RECORD] for at in range(1, 5)), strict=True))
        for key in {*keys} - self._forms.keys():
            self._forms[key] = self._made(*key)
        forms = [self._forms[key] for key in keys]
        spoken = self._spoken([at for at, form in enumerate(forms) if form is None], records, view)
        columns = [values.at(one, rows) for one in OF_ROW]
        texts, priced = _written(floats), _written(columns[-1])
        width, symbols = self._turn.program.width, view.symbols
        origin, version = self._rule.name, self._rule.version
        made: list[Drafted] = []
        for at, (form, order, ts, slot, price) in enumerate(zip(forms, *columns, strict=True)):
            said: Sequence[Output | Draft]
            if form is None:
                said = spoken[at]
            else:
                first = at * width  # the level; the values follow
                shown = texts[first : first + 1 + form.values]
                for place in form.truths:
                    shown[place] = _TRUTHS.get(floats[first + place], b"null")
                symbol = symbols[slot]
                given = (_name(symbol), ts, priced[at], *shown)
                said = [
                    Draft(kind, symbol, ts, origin, version, name, head % given[:places], tail)
                    for kind, name, head, tail, places in form.outputs
                ]
            made.append(Drafted((order, ts, slot, rank, at), said, price))
        return made

    def _spoken(
        self, which: Sequence[int], records: Records, view: View
    ) -> Mapping[int, Sequence[Output]]:
        """Return the outputs of some records, by their number."""
        if not which:
            return {}
        ints, floats = records.listed()
        width = self._turn.program.width
        some = Records(
            len(which),
            [one for at in which for one in ints[at * RECORD : (at + 1) * RECORD]],
            [one for at in which for one in floats[at * width : (at + 1) * width]],
        )
        found = self._turn.evaluated(some, view)
        return {at: self._saying.say(one, view) for at, one in zip(which, found, strict=True)}

    def _made(self, clause: int, verdict: int, direction: int, gap: int) -> _Forms | None:
        """Return how records of a kind are written down; None if that depends on more."""
        shown = self._turn.shown(clause) if self._is_plain(clause, verdict) else None
        if shown is None or len({one.text for one in shown}) < len(shown):
            return None
        if any(one.node.type is Type.STR for one in shown):
            return None
        sample = Evaluated(
            row=0,
            clause=clause,
            verdict=Verdict(verdict),
            ts=1,
            slot=0,
            direction=_DIRECTIONS[direction],
            gap=gap == 1,
            level=nan,
            code=0,
            shown=tuple(shown),
            numbers=(nan,) * len(shown),
            late={},
            price=0.0,
            order=0,
        )
        outputs = tuple(_form(output) for output in self._saying.say(sample, _SAMPLE))
        truths = tuple(at for at, one in enumerate(shown, start=1) if not one.number)
        return _Forms(outputs, truths, len(shown))

    def _is_plain(self, number: int, verdict: int) -> bool:
        """Whether what is said of it is the same but for numbers."""
        if verdict in SUPPRESSED:
            return True
        if verdict != Verdict.FIRED:
            return False
        clause = self._rule.clauses[number]
        if "shadow" in (self._rule.mode, clause.mode):
            return False
        return all(isinstance(one, Emit) and not one.data for one in clause.actions)


@lru_cache(maxsize=16_384)
def _name(symbol: str) -> bytes:
    return _JSON.encode(symbol)


def _written(numbers: list[float]) -> list[bytes]:
    """Return each as JSON; what is no number is null."""
    return _JSON.encode(numbers)[1:-1].split(b",")


def _form(sample: Output) -> _Form:
    text, time = msgspec.Raw(_TEXT), msgspec.Raw(_TIME)
    opened: dict[str, Any] = {"instrument": text, "ts_event": time, "price": text, "level": text}
    data = dict(sample.data)
    if "values" in data:
        data["values"] = dict.fromkeys(data["values"], text)
    body = encode(msgspec.structs.replace(sample, **opened, data=data))
    head, _, tail = body.partition(b'"ordinal":0,"id":"",')
    places = head.count(_TEXT) + head.count(_TIME)
    head = head.replace(b"%", b"%%").replace(_TEXT, b"%b").replace(_TIME, b"%d")
    return _Form(kind_of(sample), sample.name, head, tail, places)
