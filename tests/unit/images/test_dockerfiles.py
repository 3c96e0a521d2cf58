"""Dockerfiles held against the code and against what a cluster asks of an image; nothing is built here."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from fraud_core.settings import CoreSettings, load_settings
from fraud_detector.settings import DetectorSettings
from fraud_local.cli import COMMANDS
from fraud_operator.settings import OperatorSettings
from fraud_producer.settings import ProducerSettings
from tests.support.images import DOCKERFILES, ROOT, instructions, project, stages

SETTINGS: dict[str, type[CoreSettings]] = {
    "detector": DetectorSettings,
    "producer": ProducerSettings,
    "operator": OperatorSettings,
    "trainer": CoreSettings,
}
OF_ALL_COMMANDS = {"FRAUD_ENV_FILE", "FRAUD_SECRETS_DIR"}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in DOCKERFILES.items()}
each = pytest.mark.parametrize("service", sorted(TEXTS))


def test_there_is_one_for_each_service_with_an_entry_point() -> None:
    runnable = {path.parents[1].name for path in ROOT.glob("services/*/*/__main__.py")}

    assert set(TEXTS) == runnable - {"local"} == set(SETTINGS)


def test_the_first_stage_is_the_same_everywhere_so_that_its_layers_are_shared() -> None:
    first = {text[text.index("FROM") : text.index("FROM", text.index("FROM") + 1)] for text in TEXTS.values()}

    assert len({re.sub(r"\n#.*", "", stage) for stage in first}) == 1


@each
def test_the_legacy_builder_and_buildkit_of_docker_20_can_build_it(service: str) -> None:
    text = TEXTS[service]

    assert not re.search(r"#\s*(syntax|escape|check)\s*=", text)
    assert "<<" not in text
    for instruction in instructions(text):
        assert instruction.name in {
            "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "LABEL", "RUN", "USER", "WORKDIR",
        }  # fmt: skip
        flags = re.findall(r"^(?:--(\w+)=\S+ )+", instruction.text)
        assert instruction.name == "COPY" or not flags
        assert set(flags) <= {"from"}


@each
def test_it_builds_on_one_base_image_that_can_be_replaced(service: str) -> None:
    known = {"${BASE_IMAGE}"}
    for stage in stages(TEXTS[service]):
        assert stage.base in known
        for source in re.findall(r"--from=(\S+)", " ".join(stage.all("COPY"))):
            assert source in known
        known.add(stage.name)

    assert instructions(TEXTS[service])[0].text == "BASE_IMAGE=python:3.11-slim-bookworm"


@each
def test_what_it_copies_from_the_repository_exists_and_reaches_the_builder(service: str) -> None:
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in patterns

    for stage in stages(TEXTS[service]):
        for text in stage.all("COPY"):
            if not text.startswith("--from"):
                for source in text.split()[:-1]:
                    assert (ROOT / source).exists()
                    assert f"!{source}" in patterns


def test_nothing_reaches_the_builder_that_no_image_copies() -> None:
    copied = {
        source
        for text in TEXTS.values()
        for stage in stages(text)
        for copy in stage.all("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    }
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")

    assert {pattern[1:] for pattern in patterns if pattern.startswith("!")} == copied


@each
def test_the_image_gets_the_locked_dependencies_of_its_own_extra_alone(service: str) -> None:
    runs = {stage.name: " ".join(stage.all("RUN")) for stage in stages(TEXTS[service])}
    copies = [copy.split() for copy in stages(TEXTS[service])[-1].all("COPY")]
    installed_in = {source.removeprefix("--from=") for source, _, to in copies if to in {"/", "/app/.venv"}}

    assert installed_in == {"common", "build"}
    for run in runs.values():
        assert all("--frozen --no-dev" in sync for sync in re.findall(r"uv sync [^&]*", run))
        assert set(_extras(run)) <= set(project()["optional-dependencies"])
    assert _extras(runs["common"]) == []
    assert set(_extras(runs["build"])) == {service}


@each
def test_uv_is_pinned(service: str) -> None:
    assert re.search(r"pip install [^&]*\buv==\d+\.\d+\.\d+\b", TEXTS[service])


@each
def test_the_image_itself_installs_and_builds_nothing(service: str) -> None:
    final = stages(TEXTS[service])[-1]

    assert final.base == "${BASE_IMAGE}"
    assert not re.search(r"\b(apt|apt-get|pip|uv|gcc|curl)\b", " ".join(final.all("RUN")))
    assert all(copy.startswith("--from=") for copy in final.all("COPY"))


@each
def test_it_runs_as_a_user_that_is_not_root_and_has_a_name(service: str) -> None:
    final = stages(TEXTS[service])[-1]
    [user] = final.all("USER")
    made = re.search(r"useradd --uid (\d+) --gid (\d+) .*?(\w+)$", " ".join(final.all("RUN")))

    assert made is not None
    assert user == f"{made[1]}:{made[2]}"
    assert int(made[1]) > 0
    assert made[3] == "fraudstream"


@each
def test_signals_reach_python_and_the_command_is_one_that_the_image_can_run(service: str) -> None:
    final = stages(TEXTS[service])[-1]
    [entry], [command] = final.all("ENTRYPOINT"), final.all("CMD")

    assert json.loads(entry) == ["fraudstream"]
    assert list(project()["scripts"]) == ["fraudstream"]
    assert json.loads(command) == [service]
    assert import_module(COMMANDS[service].module).app


@each
def test_its_variables_are_settings_of_the_service(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        name: value
        for name, value in stages(TEXTS[service])[-1].environment().items()
        if name.startswith("FRAUD_") and name not in OF_ALL_COMMANDS
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    settings = load_settings(SETTINGS[service])

    assert variables
    for name, value in variables.items():
        found: object = settings
        for part in name.removeprefix("FRAUD_").lower().split("__"):
            found = getattr(found, part)
        assert found == value


@each
def test_its_labels_say_what_it_is(service: str) -> None:
    final = stages(TEXTS[service])[-1]
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', " ".join(final.all("LABEL"))))

    assert labels["title"] == f"fraudstream-{service}"
    assert labels["licenses"] == project()["license"]
    assert labels["version"] == "${VERSION}"
    assert f"VERSION={project()['version']}" in final.all("ARG")
    assert len(labels["description"]) > 20


def test_the_detector_is_trained_and_compiled_where_it_will_find_both() -> None:
    by_name = {stage.name: stage for stage in stages(TEXTS["detector"])}
    final, kernels = by_name[""].environment(), by_name["kernels"].environment()
    [model] = re.findall(r"> (\S+model\.env)", " ".join(by_name["baseline"].all("RUN")))

    assert final["FRAUD_ENV_FILE"] == kernels["FRAUD_ENV_FILE"] == model
    for name in ("NUMBA_CACHE_DIR", "NUMBA_CPU_NAME"):
        assert final[name] == kernels[name]
    assert final["NUMBA_CPU_NAME"] == "generic"
    folder = str(Path(model).parent)
    assert final["NUMBA_CACHE_DIR"].startswith(folder)
    assert f"--from=kernels {folder} {folder}" in by_name[""].all("COPY")
    assert import_module("fraud_detector.precompile").precompile


def _extras(run: str) -> list[str]:
    return re.findall(r"--extra (\w+)", run)
