"""Golden tests: bars in, what must come out, and the invariants that every test has."""
