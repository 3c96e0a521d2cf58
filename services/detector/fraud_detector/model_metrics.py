"""Which versions run, and what they have done, for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fraud_core.connect.records import ModelStatus, Serving
from fraud_core.rollouts.drift import drift_of

LABELS = ("version", "role")
TOTALS = {
    "scored": "Transactions that the version scored.",
    "decided": "Transactions that the version decided.",
    "alerts": "Scored transactions that the version alerts on, whatever the rules say.",
    "disagreements": "Scored transactions on which champion and challenger do not agree.",
    "errors": "Batches that the version failed on.",
    "seconds": "Time that the version took to score.",
}


class ModelMetrics(Collector):
    """Reads the worker's own report, so that both always say the same."""

    def __init__(self, serving: Callable[[], Serving]) -> None:
        """`serving` gives the report."""
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        """One family a figure, labelled by version and role."""
        serving = self._serving()
        info = GaugeMetricFamily(
            "fraud_model_info", "1 for each version that runs, 0 for one that was dropped.", labels=LABELS
        )
        for model in serving.models:
            info.add_metric(_labels(model), int(model.running))
        yield info
        yield GaugeMetricFamily(
            "fraud_rollout_generation",
            "Generation of the rollout that was applied last, 0 where settings fix the model.",
            value=serving.rollout_generation or 0,
        )
        for name, text in TOTALS.items():
            family = CounterMetricFamily(f"fraud_model_{name}", text, labels=LABELS)
            for model in serving.models:
                family.add_metric(_labels(model), getattr(model, name))
            yield family
        yield _drift(serving)


def _drift(serving: Serving) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "fraud_model_drift_psi",
        "How far a feature, or the score, is from the window that the version was trained on.",
        labels=(*LABELS, "feature"),
    )
    for model in serving.models:
        for drift in drift_of(model.distributions):
            if drift.psi is not None:
                family.add_metric((*_labels(model), drift.name), drift.psi)
    return family


def _labels(model: ModelStatus) -> tuple[str, str]:
    return model.version, model.role.value
