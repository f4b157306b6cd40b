"""Postgres and Valkey started from wheels, on this machine, for this data folder (tier 1)."""

from whispr_daemon.adapters.embedded.postgres import EmbeddedPostgres
from whispr_daemon.adapters.embedded.server import Server
from whispr_daemon.adapters.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedValkey", "Server"]
