"""Chaos: the pipeline under faults of every kind, and the proof that its decisions are none the worse."""
