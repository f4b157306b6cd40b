"""``whispr run`` as people have it: in a process, on a terminal."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from pathlib import Path

import yaml
from typer.testing import CliRunner

from tests.integration.commands import RULE, Whispr, daemon
from tests.integration.daemons import PATIENCE
from tests.integration.replays import COMMAND
from whispr_daemon.cli import app


def test_a_hangup_is_a_clean_stop_and_a_quarantine_is_not_ready(
    whispr: Whispr, bars: Path, boom: Path, tmp_path: Path
) -> None:
    config = tmp_path / "whispr.yaml"
    settings = {
        "rules": {"dir": None},
        "strategies": [{"plugin": "boom"}],
        "health": {"port": 0},
        "log": {"file": "log.json"},
    }
    config.write_text(yaml.safe_dump(settings))
    with daemon(
        tmp_path, "--config", str(config), "--source", str(bars), PYTHONPATH=str(boom)
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert told.startswith("error: quarantined · unit boom/")
        while CliRunner().invoke(app, ["status", "--config", str(config)]).exit_code == 0:
            pass  # the supervisor has not asked the host since
        ended = whispr("status", "--config", config, status=3)
        assert ended.stdout.count("boom: always") == 1
        assert "boom is quarantined on 4 partitions: raised" in ended.stdout
        answer = json.loads(
            whispr("status", "--config", config, "--format", "json", status=3).stdout
        )
        assert answer["pid"] == process.pid
        process.send_signal(signal.SIGHUP)
        _, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "stopped; the next start goes on here" in rest
    assert (tmp_path / "log.json").stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "data").iterdir()} == {0}


def test_a_terminal_of_eighty_columns_shows_all_of_it(rule: Path, tmp_path: Path) -> None:
    config = tmp_path / "config" / "whispr.yaml"
    config.parent.mkdir()
    source = {"kind": "simulated", "symbols": ["SPY"], "warm_sessions": 1}
    rule.write_text(RULE.replace("cross(10.5, price)", "price > EMA13"))
    config.write_text(yaml.safe_dump({"rules": {"dir": rule.name}, "source": source}))
    shown, status = on_terminal(["run"], tmp_path, until=b"CROSSED")
    assert status == 0
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", shown)]
    assert max(map(len, lines)) <= 80
    assert "SIMULATED market: made-up prices, not real data" in lines
    assert any(line.startswith("UTC      symbol signal · alert") for line in lines)
    assert (tmp_path / "data" / "logs" / "daemon.log").stat().st_mode & 0o777 == 0o600


def test_on_a_terminal_a_folder_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    shown, status = on_terminal(["run", "--data", "/proc/whispr"], tmp_path)
    assert status == 2
    assert "data folder /proc/whispr cannot be written" in shown
    assert "Traceback" not in shown


def on_terminal(arguments: list[str], folder: Path, until: bytes = b"") -> tuple[str, int]:
    """Run whispr in a folder, on a terminal of 80 columns; stop it when ``until`` is shown.

    Return all that was shown, and the exit status.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "WHISPR_HEALTH__PORT": "0"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        with contextlib.suppress(OSError):  # how Linux says that nobody holds the other end
            while read := terminal.read(65536):
                asked = bool(until) and until in shown
                shown += read
                if until and until in shown and not asked:
                    process.terminate()
        return shown.decode(), process.wait(PATIENCE)
