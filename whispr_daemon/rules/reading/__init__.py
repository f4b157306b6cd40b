"""Documents to rules: inputs, names, clauses and actions, with every mistake reported."""
