"""The pages of the topics: k8s/topics has what the command writes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraud_core.errors import ConfigError
from fraud_core.schemas import schema
from fraud_local.topics_cli import app

PAGES = Path(__file__).parents[3] / "k8s" / "topics"


def written(folder: Path, *flags: str, **environment: str) -> dict[str, str]:
    done = CliRunner().invoke(app, ["docs", str(folder), *flags], env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return {page.name: page.read_text(encoding="utf-8") for page in folder.iterdir()}


def test_the_pages_of_this_repository_are_those_that_the_command_writes(tmp_path: Path) -> None:
    kept = {page.name: page.read_text(encoding="utf-8") for page in PAGES.iterdir()}

    assert written(tmp_path, FRAUD_TOPICS__LOGINS="logins") == kept


def test_a_page_has_the_name_of_its_topic_and_each_field_of_its_schema(tmp_path: Path) -> None:
    page = written(tmp_path / "new", "--topic-prefix", "eu.")["eu.fraud_alerts.md"]

    assert page.startswith("# eu.fraud_alerts\n")
    assert [f"| `{field['name']}` |" in page for field in schema("Decision")["fields"]].count(False) == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"can't be written to .*file/pages"):
        written(tmp_path / "file" / "pages")
