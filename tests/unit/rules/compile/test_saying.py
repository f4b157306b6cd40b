"""What is said of a fire: signals, alerts, intents, notes, and how many alerts are too many."""

from tests.unit.rules.bars import close_rows
from tests.unit.rules.compile.clauses import START, clause, expression, message, rule, said, says
from tests.unit.rules.market import engine, fold
from whispr_daemon.domain.outputs import Alert, Audit, Signal
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.actions import Emit, Intend, Note, Warn

UP = "cross_up(price, 10)"


def told(text: str) -> Warn:
    return Warn(severity="info", message=message(text))


def test_a_signal_carries_side_strength_data_and_tags() -> None:
    emit = Emit(name="S", strength=0.8, side="long", data=(("e", expression("EMA1 * 2")),))
    one = rule(clause(UP, actions=(emit,)), tags=("saty",))
    (signal,) = fold(engine(one), close_rows([9, 11], START))
    assert isinstance(signal, Signal)
    assert (signal.direction, signal.strength, signal.level) == ("long", 0.8, 10.0)
    assert signal.data["dir"] == "up"
    assert signal.data["tags"] == ["saty"]
    assert signal.data["data"] == {"e": 22.0}


def test_an_intent_is_what_was_written_with_its_expressions_reckoned() -> None:
    order = Intend(
        verb="order",
        written={"side": "buy", "risk_pct": "0.5%", "stop": "price - 1.5"},
        expressions=(("stop", expression("price - 1.5")),),
    )
    halt = Intend(verb="halt", written={"scope": "entries", "until": "session_end"})
    outputs = fold(engine(rule(clause(UP, actions=(order, halt)))), close_rows([9, 11], START))
    assert [(one.name, one.intent) for one in outputs if isinstance(one, Signal)] == [
        ("order", {"side": "buy", "risk_pct": "0.5%", "stop": 9.5}),
        ("halt", {"scope": "entries", "until": "session_end"}),
    ]
    assert [one.data["action"] for one in outputs] == [0, 1]
    assert "values" not in outputs[1].data


def test_an_alert_says_where_it_goes_and_a_note_is_for_the_audit() -> None:
    warn = Warn(
        severity="warn",
        message=message("at {price}"),
        channels=("ops",),
        dedup="gg",
    )
    note = Note(message=message("{dir} {gap}"))
    alert, log = fold(engine(rule(clause(UP, actions=(warn, note)))), close_rows([9, 11], START))
    assert (alert.name, alert.data["channels"], alert.data["dedup"]) == ("warn", ["ops"], "gg")
    assert isinstance(log, Audit)
    assert (log.name, log.message) == ("log", "up false")


def test_more_than_fifteen_alerts_in_three_minutes_become_one() -> None:
    many = clause("price > 0", edge="every", actions=(told("a"),) * 6)
    outputs = fold(engine(rule(many)), close_rows([1, 1, 1, 1, None, None, None, 1], START))
    alerts = [one for one in outputs if isinstance(one, Alert)]
    assert [line.split()[0] for line in said(alerts)] == ["1"] * 6 + ["2"] * 6 + ["3"] * 4 + [
        "8"
    ] * 6
    assert alerts[15].message.startswith("r: more than 15 alerts in 3m")
    held = [one for one in outputs if isinstance(one, Audit) and one.name == "suppressed"]
    assert {one.data["reason"] for one in held} == {"throttled"}
    assert len(held) == 2 + 6  # nothing of it is lost


def test_held_back_alerts_do_not_come_by_a_restart() -> None:
    many = rule(clause("price > 0", edge="every", actions=(told("a"),) * 6))
    before = engine(many)
    fold(before, close_rows([1, 1, 1], START))
    after = engine(many)
    after.restore(before.snapshot())
    outputs = fold(after, close_rows([1], START + 3 * MINUTE))
    assert not [one for one in outputs if isinstance(one, Alert)]


def test_a_shadow_says_to_the_audit_what_it_would_have_said() -> None:
    one = clause(UP, mode="shadow", actions=(Emit(name="S"), told("hello")))
    first, second = fold(engine(rule(one)), close_rows([9, 11], START))
    assert (first.name, first.data["would"]["name"]) == ("shadow", "S")
    assert isinstance(second, Audit)
    assert second.message == "hello"


def test_a_gap_in_the_data_is_told_once_for_a_rule() -> None:
    two = rule(clause("price > 10"), clause("price > 11", id="d"), clause(UP, id="e"))
    assert says(two, [9, None, None, None, 9]) == ["5 data_gap"]
