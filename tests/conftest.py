"""What every test may use."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from whispr_daemon.adapters.runtimes.ray import RayCluster

# The same examples in every run, however busy the machine. To look for new ones:
# pytest --hypothesis-profile=explore
settings.register_profile("whispr", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("explore", deadline=None, max_examples=1_000)
settings.load_profile("whispr")

REPO_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout these tests belong to."""
    return REPO_ROOT


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """A Ray cluster of this machine, started at its first use. It takes seconds: one for all."""
    cluster = RayCluster()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPO_ROOT))  # actors import what tests run in them
        asyncio.run(cluster.open())
        yield cluster
        asyncio.run(cluster.close())
