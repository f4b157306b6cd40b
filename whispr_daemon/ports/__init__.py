"""What the engine needs of the world: one Protocol a file, implemented in ``adapters/`` under the same name."""
