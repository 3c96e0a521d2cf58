"""What follows from the settings of a detector."""

from fraud_core.settings import load_settings
from fraud_detector.settings import DetectorSettings


def transactional_id(pipeline: str, worker: str) -> str:
    return load_settings(DetectorSettings, pipeline=pipeline, worker=worker).transactional_id


def test_no_two_workers_of_any_pipelines_have_the_same_transactional_id() -> None:
    ours = transactional_id("fraud", "eu-prod.fraud-detector-0")

    assert ours != transactional_id("fraud-eu", "prod.fraud-detector-0")
    assert ours == transactional_id("fraud", "eu-prod.fraud-detector-0")
