"""Rule files as data: YAML with places, the tables of keys, the schema they make."""
