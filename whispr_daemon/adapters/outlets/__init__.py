"""Where committed signals and alerts go, by technology: console, JSON lines, Redis stream."""
