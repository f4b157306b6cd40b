"""``whispr signals``: what a daemon said, read from its store while it runs or after."""

from typing import Annotated, Final

import typer

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.look import store_to_read
from whispr_daemon.cli import options
from whispr_daemon.cli.rows import Format, render, rows
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import failures_in_words, machine, out
from whispr_daemon.ports.store import Store
from whispr_daemon.settings import Settings, load

_POLL: Final = 0.25  # seconds
_PAGE: Final = 1_000

_Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is said next.")]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="How many of the newest.")]
_Form = Annotated[Format, typer.Option("--format", help="How the rows are written.")]


def signals(
    follow: _Follow = False,  # noqa: FBT002 - a flag
    limit: _Limit = 50,
    form: _Form = Format.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Show the newest signals and alerts, oldest of them first."""
    with failures_in_words():
        settings = load(config, options.flags(data=data))
        serve(lambda _stop: _show(settings, limit, form, follow=follow))


async def _show(settings: Settings, limit: int, form: Format, *, follow: bool) -> None:
    async with store_to_read(settings) as store:
        cursors = {unit: mark.out_seq for unit, mark in (await store.marks()).items()}
        newest = await store.recent_outputs(limit) if limit else []
        if not follow:
            machine(render([each.output for each in newest], form, out))
            return
        # One by one, for there is no end to format: the header of CSV once, JSON as lines.
        machine(rows([each.output for each in newest], form, out, header=True))
        while True:
            await _next(store, cursors, form)


async def _next(store: Store, cursors: dict[str, int], form: Format) -> None:
    page = await store.outputs(cursors, _PAGE)
    cursors.update({each.unit_id: each.out_seq for each in page})
    machine(rows([each.output for each in page], form, out, header=False))
    if not page:
        await SYSTEM_CLOCK.sleep(_POLL)
