"""The command ``whispr``: what people type, and what they read."""

from whispr_daemon.cli.app import app, main

__all__ = ["app", "main"]
