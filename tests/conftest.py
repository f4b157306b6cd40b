"""What every test may use."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from whispr_daemon.adapters.runtimes.ray import RayCluster

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
