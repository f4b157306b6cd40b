"""What tests of kernels share: a folder in which compiled kernels outlive a run."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kernel_folder(pytestconfig: pytest.Config) -> Path:
    """Return a private folder; a kernel is named by its content, so an old one is never wrong."""
    return Path(pytestconfig.cache.mkdir("rules")) / "kernels"
