"""Reads the layers, lays each over the one below, and checks the whole."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, NestedSecretsSettingsSource, SecretsSettingsSource
from pydantic_settings import SettingsError as UnreadableVariable

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.settings.document import Document
from whispr_daemon.settings.mistakes import Origins, meant, mistakes
from whispr_daemon.settings.model import Settings, SimulatedSource

DEFAULT_CONFIG: Final = Path("config/whispr.yaml")
_PREFIX: Final = "WHISPR_"
_SECRETS_DIR: Final = "WHISPR_SECRETS_DIR"  # a folder of files named like postgres__password
_NAMED: Final = ("INSTRUMENTS", "UNIVERSES")  # what has names that the user gives
_NO_SETTING: Final = ("secrets_dir", "crash_at")  # variables of ours that set nothing here


def load(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings in effect.

    Args:
        config: the file; config/whispr.yaml (which may be missing) where None.
        flags: settings given on the command line, nested like the file: {"health": {"port": 0}}.

    Raises:
        SettingsError: with every mistake found, one a line, each with its place.
    """
    if config is not None and not config.is_file():
        raise SettingsError(f"{config}: there is no such file")
    document = Document.read(config or DEFAULT_CONFIG)
    variables = {name.upper(): text for name, text in os.environ.items()}
    strangers = _strangers(variables)
    try:
        secrets, environment = _secrets(variables), EnvSettingsSource(Settings)()
    except UnreadableVariable as error:
        raise SettingsError(f"environment: {error}: {error.__cause__}") from error
    given: dict[str, Any] = {"source": {"kind": SimulatedSource().kind}}
    for layer in (document.data, secrets, environment, flags or {}):
        given = _laid_over(given, layer)
    try:
        settings = Settings(**given)
    except ValidationError as error:
        ours = {name: text for name, text in variables.items() if name not in strangers}
        lines = mistakes(error, Origins(document, ours, flags or {}))
        raise SettingsError("\n".join([*strangers.values(), *lines])) from error
    if strangers:
        raise SettingsError("\n".join(strangers.values()))
    return settings


def _secrets(variables: Mapping[str, str]) -> dict[str, Any]:
    folder = variables.get(_SECRETS_DIR)
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise SettingsError(f"environment {_SECRETS_DIR}: there is no folder {folder}")
    source = NestedSecretsSettingsSource(
        SecretsSettingsSource(Settings, secrets_dir=folder),
        secrets_prefix="",
        secrets_nested_delimiter="__",
    )
    return source()


def _strangers(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that look like ours but set nothing, each with the mistake in words."""
    known = (*Settings.model_fields, *_NO_SETTING)
    found = {}
    for name in sorted(variables):
        head, _, inside = name.removeprefix(_PREFIX).partition("__")
        if not name.startswith(_PREFIX):
            continue
        if head.lower() not in known:
            guess = meant(head.lower(), known, lambda key: _PREFIX + key.upper())
            found[name] = f"environment: unknown variable {name}{guess}"
        elif head in _NAMED and inside:  # a variable's case is lost, a name's counts
            found[name] = f"environment {name}: set {head.lower()} in the file"
    return found


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge ``above`` into ``below``; a section that changes its kind starts afresh."""
    if "kind" in above and above["kind"] != below.get("kind"):
        return dict(above)
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        if isinstance(value, Mapping) and isinstance(lower, Mapping):
            merged[key] = _laid_over(lower, value)
        else:
            merged[key] = value
    return merged
