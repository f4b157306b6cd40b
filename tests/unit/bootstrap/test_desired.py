"""How units are laid out over hosts."""

from pathlib import Path

import pytest

from whispr_daemon.bootstrap.desired import Desired, decode, desired
from whispr_daemon.bootstrap.rule_files import rule_files
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.settings import RulesSettings, Settings, StrategySettings

NO_RULES = Settings(rules=RulesSettings(dir=None))
ENDS = (Position(1, 5), ORIGIN, Position(1, 7))


def _layout(found: Desired) -> dict[str, list[str]]:
    return {host.host_id: [unit.unit_id for unit in host.units] for host in found.hosts}


def test_a_strategy_has_a_host_of_its_own_unless_it_shares() -> None:
    settings = Settings(
        rules=NO_RULES.rules,
        strategies=(
            StrategySettings(plugin="x", id="alone"),
            StrategySettings(plugin="x", id="one", isolation="shared"),
            StrategySettings(plugin="y", id="two", isolation="shared"),
        ),
    )
    assert _layout(desired(settings, ENDS)) == {
        "alone": ["alone/0", "alone/1", "alone/2"],
        "shared": ["one/0", "two/0", "one/1", "two/1", "one/2", "two/2"],
    }


def test_the_partitions_of_the_rules_are_spread_over_their_hosts() -> None:
    settings = Settings(rules=RulesSettings(hosts=2))
    assert _layout(desired(settings, ENDS)) == {
        "rules-0": ["rules/0", "rules/2"],
        "rules-1": ["rules/1"],
    }


def test_without_rules_there_is_no_host_for_them() -> None:
    assert desired(NO_RULES, ENDS).hosts == ()


def test_a_unit_never_seen_before_starts_where_the_log_ends() -> None:
    found = desired(Settings(), ENDS)
    assert [unit.start for unit in found.units()] == list(ENDS)


def test_what_is_desired_is_the_same_when_read_back_from_the_store() -> None:
    settings = Settings(strategies=(StrategySettings(plugin="x", params={"fast": 3}),))
    found = desired(settings, ENDS)
    assert decode(found.encode()) == found


def test_rule_files_are_those_of_the_folder_without_tests_in_the_order_of_names(
    tmp_path: Path,
) -> None:
    for name in ("b.yaml", "a.yml", "a.test.yaml", "notes.txt"):
        (tmp_path / name).write_text(f"name: {name}")
    (tmp_path / "tests").mkdir()
    assert [Path(file.path).name for file in rule_files(tmp_path)] == ["a.yml", "b.yaml"]


def test_no_folder_means_no_rules_and_a_missing_one_is_a_mistake(tmp_path: Path) -> None:
    assert rule_files(None) == ()
    with pytest.raises(SettingsError, match="nowhere: there is no such file or folder"):
        rule_files(tmp_path / "nowhere")


def test_a_unit_desired_before_keeps_its_start_however_far_the_log_has_come() -> None:
    before = desired(Settings(), ENDS)
    far = [Position(7, 700) for _ in ENDS]
    settings = Settings(strategies=(StrategySettings(plugin="x", id="new"),))
    starts = {unit.unit_id: unit.start for unit in desired(settings, far, before).units()}
    assert starts == {
        **{unit.unit_id: unit.start for unit in before.units()},
        **{f"new/{partition}": far[partition] for partition in range(len(ENDS))},
    }
