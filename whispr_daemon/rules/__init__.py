"""The rule language: document, grammar, checker, compiler, indicators. Pure: no I/O, no clock."""
