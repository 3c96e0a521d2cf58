"""Every command that docs/dead-letters.md shows is run here as it stands, and its settings are checked."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from fraud_core.error_handling import ErrorSettings
from fraud_local.stack import Stack
from tests.support import forked
from tests.support.letters import write_letters
from tests.support.pipeline import Pipeline
from tests.support.pipeline import pipeline as made

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dead-letters.md").read_text(encoding="utf-8")
LOOK = (
    "fraudstream dlq list",
    "fraudstream dlq list --stage VALUE_CONVERTER --since 2h -n 5",
    "fraudstream dlq list --json",
    "fraudstream dlq show 'transactions[0]@42'",
)
REPLAY = (
    "fraudstream dlq replay --dry-run",
    "fraudstream dlq replay --yes --only 'transactions[0]@42'",
    "fraudstream dlq replay --yes --stage VALUE_CONVERTER --since 7d",
    "fraudstream dlq replay --yes --to transactions",
)


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Iterator[Pipeline]:
    """Forty-three dead letters of one stage, and two of another."""
    with made(stack.addresses.bootstrap_servers, stack.addresses.schema_registry_url, tmp_path) as one:
        write_letters(one, 43)
        write_letters(one, 2, stage="VALUE_CONVERTER")
        yield one


def ran(pipeline: Pipeline, command: str) -> list[str]:
    words = shlex.split(command)[1:]
    done = forked.ended("fraud_local", *words, environment=pipeline.process_environment())
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout.splitlines()


def shown(text: str) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_all_commands_that_are_shown_are_known_here() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")

    assert shown(PAGE) == [*LOOK, *REPLAY]
    assert {line for line in shown(commands) if " dlq " in line} <= {*LOOK, *REPLAY}


@pytest.mark.stack
def test_letters_are_looked_at_as_it_says(pipeline: Pipeline) -> None:
    everything, some, objects, page = (ran(pipeline, command) for command in LOOK)

    assert len(everything) == 20 + 1 + 2
    assert everything[-2].endswith("43  TRANSFORMATION  Odd: Odd #.")
    assert len(some) == 2 + 1 + 1
    assert len(objects) == 20
    assert f"read at       {pipeline.topics.transactions.name}[0]@42" in page


@pytest.mark.stack
def test_letters_are_replayed_as_it_says(pipeline: Pipeline) -> None:
    dry, only, stage, rest = (ran(pipeline, command) for command in REPLAY)

    assert dry == ["45 dead letters to replay"]
    assert only[-1] == "1 record replayed"
    assert stage[-1] == "2 records replayed"
    assert rest == ["42 dead letters to replay", "3 replayed before", "42 records replayed"]


def test_the_settings_and_their_defaults_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| `errors\.([a-z.]+)` \| `?([^`|]*?)`? ?\|", PAGE, flags=re.MULTILINE)

    assert dict(rows) == {
        path: "" if value is None else str(value).lower() for path, value in leaves(ErrorSettings())
    }


def leaves(section: BaseModel, path: str = "") -> Iterator[tuple[str, object]]:
    for name, value in section:
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
