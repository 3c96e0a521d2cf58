"""What `fraudstream models` says to do of a pipeline that a FraudModel manages is what a server takes."""

from typing import Any

import pytest

from fraud_local.models.changes import SHADOW_SPEC, canary_spec
from tests.support.crd import faults

MODEL = {"apiVersion": "fraudstream.dev/v1alpha1", "kind": "FraudModel", "metadata": {"name": "a"}}


@pytest.mark.parametrize("spec", [SHADOW_SPEC, canary_spec(12.5), canary_spec(0), canary_spec(100)])
def test_every_patch_is_one_that_a_server_takes(spec: dict[str, Any]) -> None:
    assert faults({**MODEL, "spec": spec}) == []
