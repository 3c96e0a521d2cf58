"""Each stage of a batch is measured by its own histogram."""

import pytest
from prometheus_client import CollectorRegistry

from fraud_detector.stages import STAGES, Stages


def test_time_goes_to_the_stage_that_took_it() -> None:
    registry = CollectorRegistry()
    stages = Stages(registry)

    stages.took("score", 0.25)
    stages.took("score", 0.5)

    assert stages.totals() == dict.fromkeys(STAGES, 0.0) | {"score": 0.75}
    assert registry.get_sample_value("fraud_stage_seconds_count", {"stage": "score"}) == 2
    assert registry.get_sample_value("fraud_stage_seconds_bucket", {"stage": "score", "le": "0.3"}) == 1


def test_a_stage_that_fails_is_measured_too() -> None:
    registry = CollectorRegistry()
    stages = Stages(registry)

    with pytest.raises(ValueError, match="broken"), stages.timed("decode"):
        raise ValueError("broken")

    assert registry.get_sample_value("fraud_stage_seconds_count", {"stage": "decode"}) == 1
