"""What changed between rules, and who hears whom."""

from pathlib import Path

from whispr_daemon.rules.diff import difference
from whispr_daemon.rules.drawing import as_dot, as_mermaid
from whispr_daemon.rules.graph import as_text, graph
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule

CASES = Path(__file__).parent / "cases"
NAMES = ("02_golden_gate", "04_rsi", "05_regime", "06_sequence", "07_daily_loss")
FILES = [RuleFile(name, (CASES / f"{name}.yaml").read_text(encoding="utf-8")) for name in NAMES]


def rules(*changes: tuple[str, str]) -> tuple[Rule, ...]:
    files = FILES
    for old, new in changes:
        assert any(old in file.text for file in files)
        files = [RuleFile(file.path, file.text.replace(old, new)) for file in files]
    loaded = load(files)
    assert [str(error) for error in loaded.errors] == []
    return loaded.rules


def changes(*edits: tuple[str, str]) -> list[str]:
    return [one.text for one in difference(rules(), rules(*edits))]


def test_comments_and_layout_are_no_change() -> None:
    assert changes(("cooldown: 30m", "cooldown:   30m   # half an hour")) == []


def test_every_part_of_a_clause_is_compared() -> None:
    assert changes(("cross_up(RSI14, $oversold)", "cross_up(RSI13, $oversold)")) == [
        "~ rsi_mean_reversion  buy_dip: if: cross_up(RSI14, $oversold) → cross_up(RSI13, $oversold)"
    ]
    assert changes(("cooldown: 30m", "once: day")) == [
        "- rsi_mean_reversion  buy_dip: cooldown: 30m",
        "+ rsi_mean_reversion  buy_dip: once: day",
    ]
    assert changes(("within: 30m", "within: 20m")) == [
        "~ gg_retest_entry  retest: within: 30m → 20m"
    ]
    (line,) = changes(("{vix.price:.1f}", "{vix.price:.2f}"))
    assert line.endswith("→ emit:BREAKOUT; alert:info:breakout with VIX {vix.price:.2f}")


def test_params_inputs_and_the_gate_are_compared() -> None:
    for edit, line in (
        (
            ("default: 30", "default: 28"),
            "~ rsi_mean_reversion: params.oversold: 30 → 28",
        ),
        (
            ("symbols: [NVDA]", "symbols: [AMD]"),
            "~ regime_filtered_breakout: inputs.symbols: NVDA → AMD",
        ),
        (
            ("vix.price < 20", "vix.price < 25"),
            "~ regime_filtered_breakout: when: vix.price < 20 and spy.price > spy.SMA2@5m → "
            "vix.price < 25 and spy.price > spy.SMA2@5m",
        ),
    ):
        first, *rest = changes(edit)
        assert first == line
        assert all(each.endswith("says the same itself; starts unarmed") for each in rest)


def test_rules_and_clauses_come_and_go() -> None:
    assert changes(("name: gg_retest_entry", "name: retest")) == [
        "- gg_retest_entry: 1 clause",
        "+ retest: 1 clause",
    ]
    removed, added = changes(("id: buy_dip", "id: dip"))
    assert removed.startswith("- rsi_mean_reversion  buy_dip: if: cross_up")
    assert added.startswith("+ rsi_mean_reversion  dip: if: cross_up")


def test_the_graph_shows_the_order_the_flow_and_the_signals() -> None:
    text = as_text(graph(rules()))
    assert text.startswith("daily_loss_stop  1m  rth  *  priority 1000\n  stop: account.")
    assert "  retest: sequence gate: cross_up(price, atr.38); pull: touch(atr.trigger)" in text
    assert (
        "GG_open_long: said by golden_gate_day/open_long; heard by "
        "golden_gate_day/complete_long, golden_gate_day/invalid_long" in text
    )
    assert "@5m" in text


def test_the_mermaid_graph_names_nodes_by_number_and_spells_marks_out() -> None:
    text = as_mermaid(graph(rules()))
    said, heard = text.count(" --> "), text.count(" -.-> ")
    assert (said, heard) == (len(graph(rules()).says), len(graph(rules()).hears))
    assert 'c0["stop<br/>account.daily_pnl_pct #60;= -0.02"]' in text
    assert '{"when<br/>' in text


def test_the_text_shows_the_gate() -> None:
    assert "\n  when minutes_since_open >= 1 and minutes_to_close > 15\n" in as_text(graph(rules()))


def test_the_dot_graph_has_an_arrow_for_each_signal_said_or_heard() -> None:
    dot = as_dot(graph(rules()))
    assert dot.count("{") == dot.count("}")
    assert '"golden_gate_day/open_long" -> "GG_open_long";' in dot
    assert '"GG_open_long" -> "golden_gate_day/invalid_long" [style=dashed];' in dot
