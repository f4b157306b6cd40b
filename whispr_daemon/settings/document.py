"""A YAML file as plain data, and where in it everything stands."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from whispr_daemon.domain.errors import SettingsError


class Document:
    """The parsed file. A file that does not exist is an empty one."""

    def __init__(self, path: Path, data: Mapping[str, Any], root: yaml.Node | None) -> None:
        """``data`` is what the node tree ``root`` says."""
        self.path = path
        self.data = data
        self._root = root

    @classmethod
    def read(cls, path: Path) -> Self:
        """Parse a file.

        Raises:
            SettingsError: it is no YAML mapping, or says a key twice.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(path, {}, None)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: cannot be read: {error}") from error
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            data = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            raise SettingsError(f"{_at(path, error.problem_mark)}: {error.problem}") from error
        except yaml.YAMLError as error:
            raise SettingsError(f"{path}: {error}") from error
        if data is None:
            return cls(path, {}, None)
        if not isinstance(data, dict):
            raise SettingsError(f"{path}:1:1: should be keys and values, like 'tier: 0'")
        _refuse_repeated_keys(path, root)
        return cls(path, data, root)

    def place(self, keys: Sequence[str | int]) -> str | None:
        """Return ``file:line:column`` of a value's key, or of the nearest thing around it.

        None where not even the first key is in the file.
        """
        node, mark = self._root, None
        for key in keys:
            found = _step(node, key)
            if found is None:
                break
            mark, node = found
        return _at(self.path, mark) if mark else None


def _step(node: yaml.Node | None, key: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    match node:
        case yaml.MappingNode():
            for key_node, value in node.value:
                if key_node.value == str(key):
                    return key_node.start_mark, value
        case yaml.SequenceNode() if isinstance(key, int) and key < len(node.value):
            item: yaml.Node = node.value[key]
            return item.start_mark, item
    return None


def _refuse_repeated_keys(path: Path, node: yaml.Node | None) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(path, item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, yaml.Mark] = {}
    for key, value in node.value:
        if key.value in seen:
            place, first = _at(path, key.start_mark), seen[key.value].line + 1
            raise SettingsError(f"{place}: {key.value!r} is already set in line {first}")
        seen[key.value] = key.start_mark
        _refuse_repeated_keys(path, value)


def _at(path: Path, mark: yaml.Mark | None) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
