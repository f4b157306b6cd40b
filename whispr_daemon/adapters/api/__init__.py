"""What people and their tools ask the daemon over HTTP."""
