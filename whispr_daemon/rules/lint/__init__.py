"""What is odd about rules that are right: remarks that keep none from running."""
