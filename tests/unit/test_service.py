"""The systemd unit starts a command there is, and knows what our exit statuses mean."""

from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from whispr_daemon.cli.app import app
from whispr_daemon.cli.terminal import FENCED, INTERRUPTED


@pytest.fixture
def service(repo_root: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    for line in (repo_root / "ops" / "systemd" / "whispr.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            found[name].append(value)
    return found


def test_it_starts_a_command_with_flags_that_there_are(service: dict[str, list[str]]) -> None:
    (command,) = service["ExecStart"]
    program, *arguments = command.split()
    assert program == "/opt/whispr/.venv/bin/whispr"
    asked = CliRunner().invoke(app, [*arguments, "--help"])
    assert asked.exit_code == 0, asked.output


def test_it_starts_again_what_may_go_on_and_nothing_else(service: dict[str, list[str]]) -> None:
    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == [str(FENCED)]
    assert service["SuccessExitStatus"] == [str(INTERRUPTED)]
    assert service["StartLimitIntervalSec"] == ["0"]  # a server may be away for long


def test_the_data_is_where_it_may_be_written_and_nobody_else_reads_it(
    service: dict[str, list[str]],
) -> None:
    (state,) = service["StateDirectory"]
    assert service["WorkingDirectory"] == [f"/var/lib/{state}"]
    assert not service["Environment"]  # what only it would know, commands would do elsewhere
    assert (service["StateDirectoryMode"], service["UMask"]) == (["0700"], ["0077"])
