"""What the engine needs of the world, one package per port. Only bootstrap names them."""
