"""The embedded stack for tests: one for the whole session, or one of a test's own to break.

No test meets the stack that a person runs on the same machine: data and ports are the session's. With
pytest-xdist each worker has its own, so that no worker waits for another's or ends it too early.
"""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fraud_core.errors import StackError
from fraud_local.stack import Stack, running
from fraud_local.stack.listeners import Listener
from fraud_local.stack.stack import prepared, say_on_stderr

REQUIRE = "FRAUD_TESTS_REQUIRE"
NEEDS_STACK = frozenset({"stack", "own_stack"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for a broker, so that `-m 'not stack'` leaves them out."""
    for item in items:
        if NEEDS_STACK & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The session's broker and registry; tests share them, and so must not stop them."""
    with started(tmp_path_factory.mktemp("stack")) as one:
        yield one


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A broker and a registry for one test, which may stop, kill and start them."""
    with started(tmp_path / "stack") as one:
        yield one


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, subjects and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}."


@contextmanager
def started(data_dir: Path, listeners: Sequence[Listener] = ()) -> Iterator[Stack]:
    """A stack on free ports, with further ways into the broker if a test needs them.

    Where it can't be downloaded the test is skipped, unless FRAUD_TESTS_REQUIRE=all says that none may be.
    A stack that is there and does not start is always a failure.
    """
    try:
        prepared(say_on_stderr)
    except StackError as error:
        if os.environ.get(REQUIRE) == "all":
            raise
        pytest.skip(f"the embedded stack is not to be had: {error}")
    with running(data_dir, broker_port=0, registry_port=0, listeners=listeners) as one:
        yield one
