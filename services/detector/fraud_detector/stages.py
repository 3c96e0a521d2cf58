"""How long each stage of a batch takes: the engine's own view of where its time goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Histogram

STAGES = ("poll", "decode", "features", "rules", "score", "explain", "encode", "produce", "commit")
BUCKETS_S = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


class Stages:
    """A histogram for each stage of a batch.

    `poll` counts only polls that brought records, `explain` only batches in which the model alerts.
    `encode` has two parts and so two observations: the decisions' columns, and their bytes.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Nothing was measured yet."""
        family = Histogram(
            "fraud_stage_seconds",
            "Time of a stage of a batch.",
            ["stage"],
            registry=registry,
            buckets=BUCKETS_S,
        )
        self._histograms = {stage: family.labels(stage) for stage in STAGES}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure the block as one observation of the stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.took(stage, time.perf_counter() - began)

    def took(self, stage: str, seconds: float) -> None:
        """The stage took so long."""
        self._histograms[stage].observe(seconds)

    def totals(self) -> dict[str, float]:
        """Seconds spent in each stage so far."""
        return {
            stage: next(
                sample.value
                for family in histogram.collect()
                for sample in family.samples
                if sample.name.endswith("_sum")
            )
            for stage, histogram in self._histograms.items()
        }
