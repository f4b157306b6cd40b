"""Where hosts run: tasks of this process (local), or actors of a Ray cluster (ray)."""
