"""What the engine needs of the world: one Protocol a file, adapters under the same names."""
