"""Parse trees to typed trees, with every mistake named."""
