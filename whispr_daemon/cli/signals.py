"""``whispr signals``: what a daemon said, read from its store while it runs or after."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.look import store_to_read
from whispr_daemon.cli.options import Format
from whispr_daemon.cli.rows import Rows, render
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import machine, out
from whispr_daemon.ports.store import Store
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
    serve(lambda _stop: _show(settings, limit, form, follow=follow))


async def _show(settings: Settings, limit: int, form: Format, *, follow: bool) -> None:
    async with store_to_read(settings) as store:
        cursors = {unit: mark.out_seq for unit, mark in (await store.marks()).items()}
        newest = [each.output for each in await store.recent_outputs(limit)] if limit else []
        if not follow:
            machine(render(newest, form, out))
            return
        rows = Rows(form, out)  # there is no end to format: the header once, JSON as lines
        machine(rows.text(newest))
        while True:
            await _next(store, cursors, rows)


async def _next(store: Store, cursors: dict[str, int], rows: Rows) -> None:
    page = await store.outputs(cursors, _PAGE)
    cursors.update({each.unit_id: each.out_seq for each in page})
    if page:
        machine(rows.text([each.output for each in page]))
    else:
        await SYSTEM_CLOCK.sleep(_POLL)
