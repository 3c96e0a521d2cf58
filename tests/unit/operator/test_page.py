"""docs/operator.md shows what there is: states, fields, metrics, reasons and commands."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from fraud_core.rollouts.bounds import above, stability
from fraud_detector.comparing import EDGES
from fraud_operator.api import FraudModelSpec
from fraud_operator.cluster.version import APPLY
from fraud_operator.metrics import Metrics
from fraud_trainer.result import REASONS
from tests.support.crd import faults, schema

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
GET = (Path(__file__).parent / "golden" / "get.txt").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_states_are_the_golden_ones() -> None:
    assert blocks("text") == [GET]


def test_the_example_is_one_that_a_server_takes() -> None:
    [text] = blocks("yaml")
    document = yaml.safe_load(text)

    assert faults(document) == []
    FraudModelSpec.model_validate(document["spec"])


def test_the_psi_that_breaks_a_limit_is_the_least_that_chance_does_not_explain() -> None:
    [limit] = re.findall(r"`maxScorePsi` of ([0-9.]+) is broken", PAGE)
    told = re.findall(r"([0-9,]+)(?: transactions)?, by (0\.\d+)", PAGE)

    assert [scored for scored, _ in told] == ["1,000", "10,000", "100,000"]
    for scored, psi in told:
        count = int(scored.replace(",", ""))
        least, below = (stability(float(psi) - less, count, count, len(EDGES)) for less in (0.0, 0.001))
        assert above("PSI", least, float(limit))
        assert not above("PSI", below, float(limit))


def test_every_file_that_a_command_names_is_there() -> None:
    lines = [line for block in blocks("console") for line in block.splitlines()]

    files = [part for line in lines for part in shlex.split(line) if part.endswith(".yaml")]
    assert len(files) >= 3
    assert all((ROOT / file).is_file() for file in files)
    assert APPLY in lines


@pytest.mark.parametrize("patch", re.findall(r"--patch '(\{.*?\})'", PAGE))
def test_every_patch_is_one_that_a_server_takes(patch: str) -> None:
    document = {"apiVersion": "fraudstream.dev/v1alpha1", "kind": "FraudModel", "metadata": {"name": "a"}}

    assert faults(document | yaml.safe_load(patch)) == []


def test_the_fields_that_the_text_names_are_fields() -> None:
    fields = set(re.findall(r"`(?:status|analysis|spec|training)\.(\w+)`", PAGE))

    known = str(schema())
    assert len(fields) >= 2
    assert all(f"'{field}'" in known for field in fields)


def test_the_metrics_are_those_that_are_served() -> None:
    rows = re.findall(r"^\| `(fraud_\w+)` \| (\w+) \|[^|]*\| (.+) \|$", PAGE, re.MULTILINE)
    served = {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, family.documentation)
        for family in Metrics().registry.collect()
    }

    assert {name: (kind, text) for name, kind, text in rows} == served


def test_the_reasons_of_a_failed_training_are_told() -> None:
    told = {"WindowNotRetained", "NotEnoughSamples", "NothingToLearnFrom", "InvalidTraining"}

    assert told <= {reason for _, reason in REASONS}
    assert all(f"`{reason}`" in PAGE for reason in told)
