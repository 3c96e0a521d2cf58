"""Bundles in Kafka and rollouts of a test's pipeline, and what its workers say of them."""

from dataclasses import replace
from typing import Any

from fraud_core.connect.board import watched
from fraud_core.connect.records import ModelStatus, Role, WorkerStatus
from fraud_core.models import Bundle, publish_bundle
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.rollouts.writing import write_rollout
from tests.support.pipeline import Pipeline, until

PATIENCE_S = 180.0


def publish(pipeline: Pipeline, bundle: Bundle) -> BundleRef:
    """Put a bundle on the pipeline's own topic of models."""
    store = f"kafka://{pipeline.topics.models.name}"
    published = publish_bundle(store, bundle, pipeline.settings.kafka)
    return BundleRef(published.version, published.url, published.sha256)


def roll_out(pipeline: Pipeline, **changes: Any) -> Rollout:
    """Write the next rollout: the latest with these changes."""

    def following(latest: Rollout | None) -> Rollout:
        assert latest is not None
        return replace(latest, generation=latest.generation + 1, **changes)

    written = write_rollout(pipeline.settings, pipeline.name, following)
    assert written is not None
    return written


def reports(pipeline: Pipeline) -> list[WorkerStatus]:
    """What the living workers say now."""
    with watched(pipeline.settings, pipeline.registry, lambda _: None) as board:
        until(lambda: _refreshed(board), "the reports are read")
        return board.workers(pipeline.name)


def _refreshed(board: Any) -> bool:
    from fraud_core.errors import UnavailableError  # noqa: PLC0415

    try:
        board.refresh()
    except UnavailableError:
        return False
    return True


def applied(pipeline: Pipeline, rollout: Rollout, workers: int = 1) -> None:
    """Wait until so many workers say that they run it."""

    def all_do() -> bool:
        generations = [status.rollout_generation for status in reports(pipeline)]
        return generations == [rollout.generation] * workers

    until(all_do, f"{workers} workers run rollout {rollout.generation}", PATIENCE_S)


def model(status: WorkerStatus, role: Role) -> ModelStatus:
    """What a worker says of the version in this role."""
    (found,) = [one for one in status.models if one.role is role]
    return found
