"""The built-in functions: one entry each, read by the checker, the compiler and the schema."""
