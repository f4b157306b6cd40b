"""Files through the whole daemon to signals in its store, as ``whispr replay`` does it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from tests.benchmarks.bars import Files
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.assembly import Assembled, assembled
from whispr_daemon.cli.serving import serve
from whispr_daemon.domain.outputs import Output, Signal
from whispr_daemon.rules.load import RuleFile
from whispr_daemon.settings import Settings

_PAGE = 5_000


class Stored(NamedTuple):
    """A replay."""

    seconds: float  # from files to the last signal durable; with the daemon's start and stop
    signals: Sequence[Output]
    others: int  # outputs that are for the audit


def replayed(
    files: Files,
    symbols: Sequence[str],
    rules: Sequence[RuleFile],
    kernels: Path | None,
    folder: Path,
) -> Stored:
    """Run a replay on a new folder, which is deleted then.

    ``kernels`` has them compiled, as a daemon that compiles them meanwhile folds the slow way;
    None: without.
    """
    folder.mkdir()
    written, data = folder / "rules", folder / "data"
    written.mkdir()
    for each in rules:
        (written / each.path).write_text(each.text)
    data.mkdir(mode=0o700)
    if kernels is not None:
        shutil.copytree(kernels, data / "kernels")
    settings = Settings.model_validate(
        {
            "data": data,
            "rules": {"dir": written, "watch": False, "jit": "auto" if kernels else "off"},
            "source": {
                "kind": "files",
                "paths": (files.minutes,),
                "history": (files.days,),
                "symbols": tuple(symbols),
            },
            "outlets": (),
            "health": {"port": 0},
        }
    )
    try:
        return serve(lambda _: _replayed(settings))
    finally:
        shutil.rmtree(folder)


async def _replayed(settings: Settings) -> Stored:
    began = SYSTEM_CLOCK.monotonic()
    async with assembled(settings, Console(quiet=True)) as made:
        await made.daemon.run(to_end=True)
        seconds = SYSTEM_CLOCK.monotonic() - began
        said = await _said(made)
    signals = [each for each in said if isinstance(each, Signal)]
    return Stored(seconds, signals, len(said) - len(signals))


async def _said(made: Assembled) -> list[Output]:
    found: list[Output] = []
    cursors: dict[str, int] = {}
    while page := await made.ports.store.outputs(cursors, _PAGE):
        found += [each.output for each in page]
        cursors.update({each.unit_id: each.out_seq for each in page})
    return found
