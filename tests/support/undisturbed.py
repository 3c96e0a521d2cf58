"""The same input decided by one worker that nobody disturbs: what every other run is held against."""

import polars as pl

from tests.support.pipeline import Pipeline


def assert_decided_as_if_undisturbed(pipeline: Pipeline, count: int) -> None:
    """Wait for all decisions, stop the detectors, and compare."""
    decided = pipeline.decisions(count)
    for detector in pipeline.detectors:
        if detector.process.poll() is None:
            detector.stop()
    undisturbed = undisturbed_run(pipeline, count)

    assert decided["transaction_id"].is_duplicated().sum() == 0
    assert decided.height == count
    assert decided.drop("decided_at", "pipeline").equals(undisturbed.drop("decided_at", "pipeline"))


def undisturbed_run(pipeline: Pipeline, count: int) -> pl.DataFrame:
    """The decisions of another pipeline with topics of its own, whose one worker keeps no state in Kafka."""
    names = pipeline.settings.topics
    calm_prefix = f"{names.prefix}calm."
    settings = pipeline.settings.model_copy(
        update={"topics": names.model_copy(update={"prefix": calm_prefix})}
    )
    environment = pipeline.environment | {
        "FRAUD_TOPICS__PREFIX": calm_prefix,
        "FRAUD_PIPELINE": f"{pipeline.environment['FRAUD_PIPELINE']}-calm",
        "FRAUD_STATE__DURABLE": "false",
    }
    calm = Pipeline(settings, environment, pipeline.logs)
    calm.set_up()
    calm.detector("calm")
    try:
        return calm.decisions(count)
    finally:
        calm.close()
