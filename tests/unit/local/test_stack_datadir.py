"""Who may use a data directory, and what it says of the stack that runs on it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from fraud_core.errors import ConfigError, StackError
from fraud_local.stack import datadir
from fraud_local.stack.datadir import State
from fraud_local.stack.locks import held, is_held


@pytest.fixture
def state() -> State:
    return State(
        owner=os.getpid(),
        owner_started=psutil.Process().create_time(),
        command="fraudstream demo",
        bootstrap_servers="127.0.0.1:9092",
        schema_registry_url="http://127.0.0.1:8081/apis/ccompat/v7",
        broker_pid=1,
        registry_pid=2,
        broker_version="Apache Kafka 4",
        registry_version="Apicurio Registry 3",
        started_at="2026-01-01T00:00:00+00:00",
    )


def test_what_was_written_is_read_while_the_stack_runs_and_not_after(tmp_path: Path, state: State) -> None:
    with datadir.owned(tmp_path):
        datadir.write_state(tmp_path, state)
        during = datadir.read_state(tmp_path)
    after = datadir.read_state(tmp_path)

    assert during == state
    assert after is None


def test_a_second_stack_on_the_directory_is_refused_and_told_who_has_it(tmp_path: Path, state: State) -> None:
    with datadir.owned(tmp_path):
        datadir.write_state(tmp_path, state)

        with (
            pytest.raises(StackError, match=r"already runs .*`fraudstream demo`.*127.0.0.1:9092.*stack down"),
            datadir.owned(tmp_path),
        ):
            pytest.fail("owned twice")


def test_the_state_that_a_crash_left_is_not_believed(tmp_path: Path, state: State) -> None:
    datadir.claim(tmp_path)
    datadir.write_state(tmp_path, state)

    assert datadir.read_state(tmp_path) is None


def test_another_process_under_an_old_number_is_not_the_owner(state: State) -> None:
    assert datadir.owner(state) is not None
    assert datadir.owner(replace(state, owner_started=state.owner_started - 100)) is None


def test_the_lock_is_held_on_by_a_child_that_inherited_it(tmp_path: Path) -> None:
    with held(tmp_path / "lock", wait=False) as descriptor:
        assert descriptor is not None
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,)
        )

    assert is_held(tmp_path / "lock")
    child.communicate(b"\n")
    assert not is_held(tmp_path / "lock")


def test_a_directory_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(ConfigError, match="is not empty"):
        datadir.claim(tmp_path)


def test_wiping_leaves_what_is_not_the_stacks(tmp_path: Path) -> None:
    datadir.claim(tmp_path)
    (tmp_path / datadir.BROKER / "data").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()

    datadir.wipe(tmp_path)

    assert not (tmp_path / datadir.BROKER).exists()
    assert (tmp_path / "notes.txt").exists()


def test_a_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="--data-dir"):
        datadir.claim(tmp_path / "file")
