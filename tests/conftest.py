"""Fixtures that tests of every part may ask for."""

from hypothesis import settings

from tests.support.stack import own_stack, pytest_collection_modifyitems, stack, topic_prefix

__all__ = ["own_stack", "pytest_collection_modifyitems", "stack", "topic_prefix"]

# Kernels are compiled at their first call, and machines that run tests are busy: no example has a deadline.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
