"""Topics of its own for each test, and the producer as a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud_local.stack import Stack
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    """Topics and registry subjects that no other test sees."""
    with made(
        stack.addresses.bootstrap_servers, stack.addresses.schema_registry_url, tmp_path, partitions=6
    ) as one:
        yield one
