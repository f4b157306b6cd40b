"""The truth in one SQLite file (tier 0) or in Postgres (tiers 1 and 2)."""
