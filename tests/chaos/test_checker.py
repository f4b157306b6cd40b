"""The checker that judges the chaos runs must find each way in which a promise can be broken."""

import pytest

from tests.chaos.checker import Delivery, Findings, judge
from whispr_daemon.domain.outputs import Audit, Output, Signal, encode
from whispr_daemon.ports.store import StoredOutput


def stored(unit_id: str, *outputs: Output) -> list[StoredOutput]:
    """Outputs of a unit, numbered from 1 on."""
    return [
        StoredOutput(unit_id=unit_id, out_seq=number, created=0, output=output)
        for number, output in enumerate(outputs, 1)
    ]


def signal(output_id: str, price: float = 1.0) -> Signal:
    return Signal(name="up", id=output_id, price=price)


SAID = [
    *stored("a/0", signal("a1"), Audit(name="log", id="a2"), signal("a3")),
    *stored("b/0", signal("b1"), signal("b2")),
]
SENT = [
    Delivery(each.unit_id, each.out_seq, each.output.id, encode(each.output))
    for each in SAID
    if not isinstance(each.output, Audit)
]


def wrongs(findings: Findings) -> set[str]:
    """The names of what is wrong."""
    fields = ("lost", "foreign", "repeated", "misordered", "changed", "unlike")
    found = {field for field in fields if getattr(findings, field)}
    assert len(findings.sentences()) == len(found)
    return found


def test_what_is_as_it_should_be_is_well() -> None:
    findings = judge(SAID, SAID, SENT)
    assert wrongs(findings) == set()
    assert (findings.expected, findings.delivered, findings.duplicates) == (5, 4, 0)


def test_units_may_take_turns_at_the_outlet_in_any_way() -> None:
    assert wrongs(judge(SAID, SAID, [SENT[2], SENT[0], SENT[3], SENT[1]])) == set()


@pytest.mark.parametrize("place", range(len(SENT)))
def test_an_output_that_did_not_arrive_is_lost(place: int) -> None:
    findings = judge(SAID, SAID, SENT[:place] + SENT[place + 1 :])
    assert wrongs(findings) == {"lost"}
    assert findings.lost == (SENT[place].id,)


@pytest.mark.parametrize("place", range(len(SAID)))
def test_an_output_that_was_not_stored_is_lost_even_if_it_is_for_the_audit(place: int) -> None:
    findings = judge(SAID, SAID[:place] + SAID[place + 1 :], SENT)
    assert wrongs(findings) == {"lost", "unlike"}


def test_every_arrival_beyond_the_first_is_a_duplicate() -> None:
    findings = judge(SAID, SAID, [*SENT, SENT[0], SENT[0], SENT[2]])
    assert wrongs(findings) == {"repeated"}
    assert findings.duplicates == 3


def test_an_id_of_ones_own_making_is_foreign_and_the_true_one_lost() -> None:
    drawn = SENT[0]._replace(id="drawn")
    assert wrongs(judge(SAID, SAID, [drawn, *SENT[1:]])) == {"lost", "foreign"}


def test_a_later_output_of_a_unit_must_not_arrive_first() -> None:
    findings = judge(SAID, SAID, [SENT[1], SENT[0], *SENT[2:]])
    assert wrongs(findings) == {"misordered"}
    assert findings.misordered == ("a/0",)


def test_an_id_with_another_price_is_another_thing() -> None:
    bent = SENT[0]._replace(body=encode(signal("a1", price=2.0)))
    assert wrongs(judge(SAID, SAID, [bent, *SENT[1:]])) == {"changed"}
    other = [*stored("a/0", signal("a1", price=2.0)), *SAID[1:]]
    assert wrongs(judge(SAID, other, SENT)) == {"unlike"}


def test_numbers_with_a_gap_have_another_hash() -> None:
    gap = StoredOutput(unit_id="b/0", out_seq=3, created=0, output=SAID[-1].output)
    assert wrongs(judge(SAID, [*SAID[:-1], gap], SENT)) == {"unlike"}


def test_what_is_for_the_audit_must_not_be_delivered() -> None:
    audit = SAID[1]
    told = Delivery(audit.unit_id, audit.out_seq, audit.output.id, encode(audit.output))
    assert wrongs(judge(SAID, SAID, [SENT[0], told, *SENT[1:]])) == {"foreign"}
