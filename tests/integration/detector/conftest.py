"""A pipeline of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud_local.stack import Stack
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    """Topics, registry subjects and logs that no other test sees."""
    addresses = stack.addresses
    with made(addresses.bootstrap_servers, addresses.schema_registry_url, tmp_path) as one:
        yield one
