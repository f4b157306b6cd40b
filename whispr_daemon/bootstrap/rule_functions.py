"""Functions of plug-ins into the rule language of this process."""

from functools import cache

from whispr_daemon.adapters import plugins
from whispr_daemon.rules.functions.plugged import plug_in


@cache
def plug_in_functions() -> None:
    """Let rules call every function that an installed package offers; once a process is enough.

    Raises:
        SettingsError: one is broken, or two have the same name.
    """
    for function in plugins.functions():
        plug_in(function)
