"""Composition root: settings in, wired daemon out. The only namer of adapters."""
