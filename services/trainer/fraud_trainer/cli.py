"""`fraudstream trainer`: what a FraudModel's Jobs run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraud_core import durations, log
from fraud_core.errors import FraudstreamError
from fraud_core.settings import CoreSettings, load_settings
from fraud_trainer.budget import over_budget
from fraud_trainer.few import few_frauds
from fraud_trainer.flags import (
    AlgorithmFlag,
    SetFlag,
    ThresholdFlag,
    TrainingSeedFlag,
    hyperparameters,
    threshold,
)

if TYPE_CHECKING:
    from fraud_trainer.judged import Precision

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="What the Jobs of a FraudModel run. For a person there are `fraudstream train` and "
    "`fraudstream models report`.",
)
PipelineFlag = Annotated[str, typer.Option(envvar="FRAUD_PIPELINE", help="The detectors' consumer group.")]
ResultFlag = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help="Write here what came of it, or why nothing did.")
]
Said = dict[str, Any]


def _span(text: str) -> Any:  # noqa: ANN401 - typer keeps the type of its options to itself
    return typer.Option(parser=_duration, metavar="DURATION", help=text)


def _duration(given: str | timedelta) -> timedelta:
    """Defaults are parsed, too."""
    return given if isinstance(given, timedelta) else durations.duration(given)


def _moment(given: str | datetime) -> datetime:
    """As above."""
    return given if isinstance(given, datetime) else durations.moment(given)


@app.command()
def train(
    algorithm: AlgorithmFlag = "ensemble",
    set_: SetFlag = None,
    feature: Annotated[list[str] | None, typer.Option(help="A feature to read; may be repeated.")] = None,
    window: Annotated[timedelta, _span("Training window.")] = timedelta(days=30),
    label_delay: Annotated[timedelta, _span("How long labels take.")] = timedelta(days=7),
    label_maturity: Annotated[
        timedelta, _span("Age from which a transaction without a label counts as legitimate.")
    ] = timedelta(days=30),
    threshold_: ThresholdFlag = "0.005",
    min_samples: Annotated[int, typer.Option(min=0, help="Fewest transactions in the window.")] = 1_000,
    seed: TrainingSeedFlag = 0,
    pipeline: PipelineFlag = "fraud-detector",
    result: ResultFlag = None,
) -> None:
    """Train on what the pipeline's detectors logged, and publish the bundle to Kafka.

    Brokers and registry are settings, as FRAUD_KAFKA__BOOTSTRAP_SERVERS.
    """
    settings = _settings()

    def work() -> Said:
        from fraud_trainer import result as results  # noqa: PLC0415 - `--help` needs no scikit-learn
        from fraud_trainer.run import Span  # noqa: PLC0415
        from fraud_trainer.training import Plan  # noqa: PLC0415
        from fraud_trainer.unattended import trained  # noqa: PLC0415

        plan = Plan(
            algorithm,
            hyperparameters=hyperparameters(set_),
            features=tuple(feature) if feature else None,
            threshold=threshold(threshold_),
            label_delay=label_delay // timedelta(milliseconds=1),
            maturity=label_maturity // timedelta(milliseconds=1),
            seed=seed,
        )
        training, parent = trained(settings, pipeline, Span(None, window, label_delay), plan, min_samples)
        manifest = training.bundle.manifest
        remarks = manifest.evaluation.remarks() if manifest.evaluation else []
        for said in (*remarks, over_budget(manifest.threshold_rule, manifest.metrics)):
            if said:
                log.logger(__name__).warning(said)
        judged = None if training.judged is None else int(training.judged.frauds.sum())
        for said in few_frauds(manifest.counts.get("training_frauds"), judged):
            log.logger(__name__).warning(said)
        return results.of_training(training, parent)

    _told(work, result)


@app.command()
def precision(
    label_maturity: Annotated[timedelta, _span("Age from which a transaction counts.")] = timedelta(days=30),
    since: Annotated[timedelta, _span("Decisions of the last so long are joined with labels.")] = timedelta(
        days=90
    ),
    decided_from: Annotated[
        datetime | None,
        typer.Option(parser=_moment, metavar="TIME", help="Count only what was decided from then on."),
    ] = None,
    pipeline: PipelineFlag = "fraud-detector",
    result: ResultFlag = None,
) -> None:
    """Measure the precision of champion and challenger from decisions and mature labels."""
    settings = _settings()

    def work() -> Said:
        from fraud_trainer.unattended import measured  # noqa: PLC0415 - as above

        began = datetime.now(UTC) - since
        found = measured(settings, pipeline, label_maturity, began, decided_from)
        return {"precision": {version: _figures(one) for version, one in found.items()}}

    _told(work, result)


def _figures(found: "Precision") -> Said:
    return {
        "alerts": found.alerts,
        "labelled": found.labelled,
        "frauds": found.frauds,
        "value": found.value,
        "low": found.low,
        "high": found.high,
    }


def _settings() -> CoreSettings:
    settings = load_settings(CoreSettings)
    log.configure(settings.log)
    return settings


def _told(work: Callable[[], Said], path: Path | None) -> None:
    """Do it, and say what came of it, or why nothing did."""
    from fraud_trainer import result as results  # noqa: PLC0415 - as above

    logger = log.logger(__name__)
    try:
        said = work()
    except FraudstreamError as error:
        results.write(path, results.of_failure(error))
        raise
    results.write(path, said)
    logger.info("done", **said)
