"""Fixtures that tests of every part may ask for."""

from tests.support.stack import own_stack, pytest_collection_modifyitems, stack, topic_prefix

__all__ = ["own_stack", "pytest_collection_modifyitems", "stack", "topic_prefix"]
