"""A soak: a daemon fed at a rate for some time, and looked at once a second."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from tests.chaos.subject import short_folder
from tests.integration.daemons import Daemon, until
from tests.soak.feed import HISTORY_ROWS, fed_by
from tests.soak.report import Report
from tests.soak.seen import Plan, Seen
from tests.soak.watcher import Watcher

_RULES: Final = Path(__file__).resolve().parents[2] / "config" / "rules"
_UP_WITHIN: Final = 180.0  # seconds
_STOP_WITHIN: Final = 60.0
_TOLD_EVERY: Final = 10.0  # seconds
_LEAST_LOOKS: Final = 4

Tell = Callable[[str], None]  # told in a line how it goes
Look = Callable[[], float]  # lets real time pass until the next look; returns when that is


def soak(plan: Plan, tell: Tell, look: Look) -> Report:
    """Run a daemon on a folder of its own, feed it, watch it, stop it.

    Raises:
        AssertionError: it did not come up, or ended by itself; with the end of what it said.
    """
    folder = short_folder()
    with ExitStack() as stack:
        stack.callback(rmtree, folder, ignore_errors=True)
        daemon = Daemon(folder, _settings(plan))
        daemon.command = fed_by(plan.rate)
        stack.callback(daemon.discard)
        daemon.start()
        until(lambda: daemon.running() is not None, within=_UP_WITHIN)
        watcher = stack.enter_context(Watcher(daemon, plan.tier))
        tell("up; the history is taken in")
        until(lambda: _events(watcher) > plan.rate, within=_UP_WITHIN)
        seen = Seen(plan)
        began, told, looks = look(), 0.0, 0
        while (now := look() - began) < plan.seconds or looks < _LEAST_LOOKS:
            seen.look(now, watcher)
            looks += 1
            if now - told >= _TOLD_EVERY:
                told = now
                tell(seen.words())
        status = daemon.end(_STOP_WITHIN)
        return seen.report("" if status == 0 else f"told to stop, it ended with status {status}")


def _settings(plan: Plan) -> Mapping[str, Any]:
    outlet = {"kind": "redis"} if plan.tier else {"kind": "jsonl", "path": "signals.jsonl"}
    return {
        "tier": plan.tier,
        "strategies": [{"plugin": "ema_cross"}],
        "rules": {"dir": str(_RULES)},
        "health": {"port": 0},
        "keep_bytes": plan.keep_bytes,
        "outlets": [outlet],
    }


def _events(watcher: Watcher) -> float:
    return watcher.figures()["whispr_ingested_rows_total"] - HISTORY_ROWS
