"""SQL for Postgres."""
