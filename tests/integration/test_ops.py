"""ops/run and ops/test on machines that lack something: one sentence with the remedy."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

TOOLS = ("bash", "cat", "cksum", "dirname", "env", "grep", "rm", "sh", "tail", "uname")

OLD = """case "$2" in
'') ;;
*platform*) echo 3.9.2 ;;
*) exit 1 ;;
esac"""
BARE = 'case "$2" in *ensurepip*) exit 1 ;; esac'
FULL_DISK = """case "$*" in
*'-m venv'*) echo 'Error: [Errno 28] No space left on device' >&2; exit 1 ;;
esac"""


class Machine:
    """A fresh checkout on a machine with a few tools and the Pythons a test gives it."""

    def __init__(self, repo_root: Path, folder: Path) -> None:
        self.checkout, self.bin = folder / "a checkout", folder / "bin"
        self.bin.mkdir()
        self.checkout.mkdir()
        shutil.copytree(repo_root / "ops", self.checkout / "ops")
        for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            shutil.copy(repo_root / name, self.checkout)
        for tool in TOOLS:
            self.bin.joinpath(tool).symlink_to(str(shutil.which(tool)))

    def install(self, name: str, script: str) -> None:
        """Put a program into the PATH."""
        program = self.bin / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(
        self, *command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the checkout, from another folder."""
        return subprocess.run(
            [str(self.checkout / command[0]), *command[1:]],
            env={"PATH": str(self.bin), "HOME": str(self.checkout), **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )


@pytest.fixture
def machine(repo_root: Path, tmp_path: Path) -> Machine:
    return Machine(repo_root, tmp_path)


@pytest.mark.parametrize("command", ["ops/run", "ops/test"])
@pytest.mark.parametrize(
    ("pythons", "sentence"),
    [
        (
            {},
            "Whispr needs Python 3.11 or newer, and no python3 was found: "
            "install Python 3.13 and run this again.",
        ),
        (
            {"python3": OLD},
            "Whispr needs Python 3.11 or newer, but python3 is 3.9.2: "
            "install Python 3.13 and run this again.",
        ),
        (
            {"python3": OLD, "python3.12": BARE},
            "python3.12 has no venv module: install it (Debian, Ubuntu: "
            "apt install python3.12-venv) and run this again.",
        ),
    ],
    ids=["no Python", "an old Python", "no venv module"],
)
def test_a_machine_without_a_fitting_python(
    machine: Machine, command: str, pythons: Mapping[str, str], sentence: str
) -> None:
    for name, script in pythons.items():
        machine.install(name, script)
    ended = machine.run(command)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{sentence}\n")


def test_a_full_disk(machine: Machine) -> None:
    machine.install("python3", FULL_DISK)
    ended = machine.run("ops/run")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"python3 cannot make .venv in {machine.checkout}: Error: [Errno 28] No space left on "
        "device; make room or get write permission and run this again.\n"
    )


def test_no_network_and_a_half_made_venv(machine: Machine) -> None:
    machine.install("python3", f'exec {sys.executable} "$@"')
    (machine.checkout / ".venv" / "bin").mkdir(parents=True)  # as after a Ctrl-C
    ended = machine.run(
        "ops/test",
        env={
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_RETRIES": "0",
        },
    )
    assert ended.returncode == 1
    progress, sentence = ended.stderr.splitlines()
    assert progress.startswith("Installing into .venv")
    assert sentence == (
        "The package index cannot be reached: connect this machine to the network (or name your "
        "mirror in PIP_INDEX_URL) and run this again; what pip said is in .venv/install.log."
    )
