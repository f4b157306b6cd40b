"""All SQL of the stores: migrations (numbered, forward only) and queries, per technology."""
