"""docs/security.md names every setting of a connection, and none that there is not."""

import re
from pathlib import Path

from pydantic import BaseModel

from fraud_core.settings import ENV_PREFIX, CoreSettings, KafkaSettings, SchemaRegistrySettings, variable

TEXT = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")
OF_THE_PROCESS = {f"{ENV_PREFIX}SECRETS_DIR"}
NOT_ABOUT_SECURITY = {variable("schema_registry", "timeout_s")}


def variables(section: type[BaseModel], *path: str) -> set[str]:
    """The variables of a section and of those inside it."""
    found: set[str] = set()
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= variables(inner, *path, name)
        else:
            found.add(variable(*path, name))
    return found


def test_every_variable_that_it_names_is_a_setting() -> None:
    named = set(re.findall(r"\bFRAUD_\w+", TEXT))

    assert named - variables(CoreSettings) == OF_THE_PROCESS


def test_every_setting_of_broker_and_registry_is_in_it() -> None:
    settings = variables(KafkaSettings, "kafka") | variables(SchemaRegistrySettings, "schema_registry")

    assert {name for name in settings if name not in TEXT} == NOT_ABOUT_SECURITY


def test_files_of_secrets_are_named_as_their_variables() -> None:
    files = re.findall(r"^/run/secrets/fraudstream/(\w+)$", TEXT, flags=re.MULTILINE)

    assert files
    assert {name.upper() for name in files} <= variables(CoreSettings)
