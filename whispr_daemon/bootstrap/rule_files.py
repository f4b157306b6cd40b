"""Rule documents, read from where the settings or the command line say they are."""

from pathlib import Path

from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.load import RuleFile


def rule_files(folder: Path | None) -> tuple[RuleFile, ...]:
    """Return the rule documents of a folder (or the one file), in the order of names.

    None means no rules.

    Raises:
        SettingsError: there is no such folder or file, or one cannot be read.
    """
    if folder is None:
        return ()
    if folder.is_file():
        paths = [folder]
    elif folder.is_dir():
        paths = _inside(folder)
    else:
        raise SettingsError(f"rules.dir {folder}: there is no such file or folder")
    return tuple(RuleFile(path=str(path), text=_read(path)) for path in paths)


def _inside(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.suffix in (".yaml", ".yml")]
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be read: {error.strerror}") from error
    return sorted(path for path in found if not path.stem.endswith(".test"))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
