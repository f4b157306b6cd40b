"""The market log by technology: memory, SQLite, Redis."""
