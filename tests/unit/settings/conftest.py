"""Settings are tested without the environment of whoever runs the tests."""

import os

import pytest


@pytest.fixture(autouse=True)
def no_variables_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("WHISPR_"):
            monkeypatch.delenv(name)
