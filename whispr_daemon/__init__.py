"""Whispr: a daemon that runs trading rules and strategies and never loses or repeats a signal."""
