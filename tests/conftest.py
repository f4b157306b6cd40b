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

# Files that take long, the longest first: the last one to begin is the one all others wait for.
# Those that keep a core busy stand among those that wait for servers.
LONG = (
    "unit/rules/properties/test_compiled.py",
    "integration/test_whole_daemon.py",
    "integration/test_rule_edits.py",
    "unit/adapters/test_folds.py",
    "integration/test_verify_and_backup.py",
    "integration/test_ray_recovery.py",
    "integration/test_embedded.py",
    "integration/test_outages.py",
    "unit/rules/properties/test_invariants.py",
    "integration/test_tiers.py",
    "integration/test_crash_points.py",
    "unit/test_house.py",
    "integration/test_backup_on_servers.py",
    "integration/test_rules_real_data.py",
    "unit/adapters/test_kernels.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes long begin first; within a file nothing changes its place."""
    places = {REPO_ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


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
