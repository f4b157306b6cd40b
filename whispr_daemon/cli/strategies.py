"""``whispr strategies list``: what could run."""

from rich.table import Table

from whispr_daemon.adapters import plugins
from whispr_daemon.cli.terminal import out
from whispr_daemon.domain.errors import SettingsError


def list_installed() -> None:
    """Print the installed strategies: name, version and where each comes from.

    Raises:
        SettingsError: some of them cannot be had; the others are printed.
    """
    table = Table("name", "version", "from", header_style="bold")
    wrong = []
    for name, point in plugins.installed().items():
        package = point.dist.name if point.dist else "?"
        try:
            known = plugins.build(name, {}).version
        except SettingsError as error:
            known = "?"
            wrong.append(str(error))
        table.add_row(name, known, f"{package}: {point.value}")
    out.print(table)
    if wrong:
        raise SettingsError("\n".join(wrong))
