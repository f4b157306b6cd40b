"""Golden tests of rules: read from files, run, and told with what was expected, came, and why."""
