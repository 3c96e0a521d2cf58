"""Which dead letters a person may ask for."""

import pytest

from fraud_core.errors import ConfigError
from fraud_detector.dead_letters import Stage
from fraud_local.dlq.options import STAGES, stage_of


def test_stages_are_those_of_a_detector_in_any_case() -> None:
    assert tuple(Stage) == STAGES
    assert [stage_of(name.lower()) for name in STAGES] == list(STAGES)
    assert stage_of(None) is None


def test_a_stage_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ConfigError, match=r"no stage FOO\. There are VALUE_CONVERTER, TRANSFORMATION, KAFKA_PRODUCE"
    ):
        stage_of("FOO")
