"""Replays anybody's own history: which column feeds which field, what can't be mapped, labels."""

from fraud_producer.replay.history import History, LeftOut, read_history
from fraud_producer.replay.mapping import parse_mapping

__all__ = ["History", "LeftOut", "parse_mapping", "read_history"]
