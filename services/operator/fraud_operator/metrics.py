"""What Prometheus scrapes of the operator, and what its health is judged by."""

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from fraud_operator.planning import Model, Plan

STUCK_S = 120.0


class Metrics:
    """Metrics with a registry of their own."""

    def __init__(self) -> None:
        """Registers everything."""
        registry = self.registry = CollectorRegistry()
        self.looks = Counter("fraud_operator_reconciles", "Looks at everything.", registry=registry)
        self.failures = Counter(
            "fraud_operator_failures",
            "Looks that ended early, as brokers or API server were away or refused something.",
            registry=registry,
        )
        self.acts = Counter("fraud_operator_acts", "What was done, by kind.", ["kind"], registry=registry)
        self.condition = Gauge(
            "fraud_model_condition",
            "Conditions of FraudModels: 1 true, 0 false, -1 unknown.",
            ["name", "condition"],
            registry=registry,
        )
        self.weight = Gauge(
            "fraud_model_canary_weight", "Percentage of the users in the canary.", ["name"], registry=registry
        )
        self._turned = time.monotonic()
        self._read = False

    def turned(self, *, read: bool) -> None:
        """The loop turned once, and with `read` it got to know everything."""
        self._turned = time.monotonic()
        self._read = self._read or read

    def alive(self) -> bool:
        """Whether the loop turned a short while ago. It ends by itself where it waits too long to begin."""
        return not self._read or time.monotonic() - self._turned < STUCK_S

    def ready(self) -> bool:
        """Whether Kafka and Kubernetes were read once."""
        return self._read

    def told(self, plans: Iterable[tuple[Model, Plan]]) -> None:
        """What the FraudModels' conditions are now."""
        self.condition.clear()
        self.weight.clear()
        for model, plan in plans:
            self.weight.labels(model.name).set(plan.status.canary_weight)
            for one in plan.status.conditions:
                value = {"True": 1, "False": 0}.get(one.status.value, -1)
                self.condition.labels(model.name, one.type).set(value)
