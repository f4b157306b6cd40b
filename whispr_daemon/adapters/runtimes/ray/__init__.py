"""Hosts and their supervisor as actors of a Ray cluster: this machine's own, or a standing one."""

from whispr_daemon.adapters.runtimes.ray.cluster import RayCluster
from whispr_daemon.adapters.runtimes.ray.files import StallNote
from whispr_daemon.adapters.runtimes.ray.runtime import RayRuntime
from whispr_daemon.adapters.runtimes.ray.supervisor import RaySupervisor

__all__ = ["RayCluster", "RayRuntime", "RaySupervisor", "StallNote"]
