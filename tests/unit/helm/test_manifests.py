"""The chart's manifests for each file of values in its ci/: as expected, and as Kubernetes takes them."""

from pathlib import Path

import pytest

from tests.support import kubernetes_schemas
from tests.support.chart import CHART, MATRIX, golden, helm, of_matrix, text
from tests.support.conforming import conform
from tests.support.go_tools import waits_for_builds

pytestmark = waits_for_builds
each = pytest.mark.parametrize("name", sorted(MATRIX))


@each
def test_they_are_the_golden_ones(name: str) -> None:
    """`python -m tests.support.chart` writes them anew; the difference in git is what is to be judged."""
    rendered = text("--values", str(MATRIX[name]))

    assert rendered == golden(name).read_text(encoding="utf-8")


def test_there_is_no_golden_file_without_its_values() -> None:
    there = {path.stem for path in golden("any").parent.iterdir()}

    assert there == set(MATRIX)


@each
def test_helm_lint_has_nothing_to_say(name: str) -> None:
    said = helm("lint", "--strict", str(CHART), "--values", str(MATRIX[name]))

    assert "0 chart(s) failed" in said


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("schemas")
    documents = [document for name in MATRIX for document in of_matrix(name)]
    kubernetes_schemas.write(directory, frozenset((one["apiVersion"], one["kind"]) for one in documents))
    return directory


@each
def test_kubernetes_and_the_operators_know_every_field(name: str, schemas: Path) -> None:
    done = conform(schemas, text("--values", str(MATRIX[name])))

    assert done.returncode == 0, done.stdout
    assert "Invalid: 0, Errors: 0, Skipped: 0" in done.stdout


def test_a_field_that_kubernetes_does_not_know_is_found(schemas: Path) -> None:
    mistyped = text().replace("podManagementPolicy:", "podManagmentPolicy:")

    done = conform(schemas, mistyped)

    assert done.returncode == 1
    assert "podManagmentPolicy" in done.stdout
