"""``whispr signals``: what a daemon said, read from its store while it runs or after."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from whispr_daemon import log
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.look import running, store_to_read
from whispr_daemon.cli.options import Format
from whispr_daemon.cli.rows import Rows, is_told, render
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import machine, out, warn
from whispr_daemon.engine.retry import persist
from whispr_daemon.ports.store import Store, StoredOutput
from whispr_daemon.settings import Settings, load

_POLL: Final = 0.25  # seconds
_PAGE: Final = 1_000


def signals(
    config: Path | None, given: Mapping[str, Any], limit: int, form: Format, *, follow: bool
) -> None:
    """Print the newest outputs; with ``follow`` go on with what is said next.

    Raises:
        SettingsError: there is no store to read.
    """
    settings = load(config, given)
    log.configure("warning", settings.log.format, None)
    with log.told(warn):
        serve(lambda _stop: _show(settings, limit, form, follow=follow))


async def _show(settings: Settings, limit: int, form: Format, *, follow: bool) -> None:
    async with store_to_read(settings) as store:
        cursors = {unit: mark.out_seq for unit, mark in (await store.marks()).items()}
        newest = await _newest(store, limit) if limit else []
        if not follow:
            machine(render([each.output for each in newest], form, out))
            return
        rows = Rows(form, out)  # there is no end to format: the header once, JSON as lines
        # What was said since the marks were read comes with what is said next, not twice.
        before = [each for each in newest if each.out_seq <= cursors.get(each.unit_id, 0)]
        machine(rows.text([each.output for each in before]))
        while True:
            # A server that died is started again by the daemon, if that still runs.
            page = await persist(
                SYSTEM_CLOCK,
                "outputs",
                lambda: store.outputs(cursors, _PAGE),
                give_up=lambda: running(settings) is None,
            )
            cursors.update({each.unit_id: each.out_seq for each in page})
            if page:
                machine(rows.text([each.output for each in page if is_told(each)]))
            else:
                await SYSTEM_CLOCK.sleep(_POLL)


async def _newest(store: Store, limit: int) -> Sequence[StoredOutput]:
    """Return the newest outputs that are told; among what the store has may be much that is not."""
    asked = limit
    while True:
        found = await store.recent_outputs(asked)
        told = [each for each in found if is_told(each)]
        if len(told) >= limit or len(found) < asked:
            return told[-limit:]
        asked *= 4
