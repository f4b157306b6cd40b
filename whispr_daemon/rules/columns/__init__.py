"""What rules read: bars of each clock, sessions, levels and indicators as columns."""
