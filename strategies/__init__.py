"""Shipped strategies, one file each, found by entry point: the examples authors copy."""
