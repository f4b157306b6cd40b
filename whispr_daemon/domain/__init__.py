"""The words of the field: frozen values and pure decisions, no I/O."""
