"""Runs the engine over a history at full speed, and holds what it would have decided against the truth."""
