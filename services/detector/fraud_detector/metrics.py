"""What Prometheus scrapes, and the one line a second that the log gets."""

import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from fraud_core.log import logger
from fraud_detector.dead_letters import DeadLetter
from fraud_detector.deciding import Decisions
from fraud_detector.partition_metrics import PartitionMetrics
from fraud_detector.records import Ints, Records
from fraud_detector.stages import Stages

log = logger(__name__)
LATENCY_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
SUMMARY_S = 10.0
STUCK_S = 60.0


class LatencyHistogram(Collector):
    """A histogram that takes whole arrays at once; prometheus_client's own takes one value a call."""

    def __init__(self, name: str, text: str, buckets: tuple[float, ...]) -> None:
        """`buckets` are upper bounds in seconds, ascending."""
        self._name, self._text = name, text
        self._bounds = np.array([*buckets, np.inf])
        self._counts = np.zeros(len(self._bounds))
        self._sum = 0.0

    def observe(self, seconds: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        """Add these values."""
        places = np.searchsorted(self._bounds, seconds)
        self._counts += np.bincount(places, minlength=len(self._bounds))
        self._sum += float(seconds.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """One family, cumulative as Prometheus wants it."""
        labels = ["+Inf" if bound == np.inf else str(bound) for bound in self._bounds]
        pairs = list(zip(labels, np.cumsum(self._counts).tolist(), strict=True))
        yield HistogramMetricFamily(self._name, self._text, buckets=pairs, sum_value=self._sum)


class Metrics:
    """The detector's metrics, and what its health is judged by."""

    def __init__(self) -> None:
        """Registers everything with a registry of its own."""
        registry = self.registry = CollectorRegistry()
        self.transactions = Counter(
            "fraud_transactions", "Transactions decided and committed.", registry=registry
        )
        self.alerts = Counter("fraud_alerts", "Decisions that are alerts.", registry=registry)
        self.reasons = Counter("fraud_alert_rules", "Alerts by rule or model.", ["rule"], registry=registry)
        self.dead_letters = Counter(
            "fraud_dead_letters", "Records at fault, by stage.", ["stage"], registry=registry
        )
        self.aborts = Counter(
            "fraud_aborted_transactions", "Kafka transactions that were undone.", registry=registry
        )
        self.batch = Histogram(
            "fraud_batch_records",
            "Records decided at once.",
            registry=registry,
            buckets=(1, 10, 100, 1_000, 5_000, 10_000),
        )
        self.seconds = Histogram(
            "fraud_batch_seconds", "Time to decide and write a batch.", registry=registry
        )
        self.stages = Stages(registry)
        self.joined = Gauge("fraud_joined", "1 once the worker has joined its group.", registry=registry)
        self.restoring = Gauge("fraud_restoring", "1 while partitions are being restored.", registry=registry)
        self.waiting = Gauge("fraud_waiting", "1 while the schema registry is waited for.", registry=registry)
        self.latency = LatencyHistogram(
            "fraud_latency_seconds",
            "From the record's Kafka timestamp to the commit of its decision.",
            LATENCY_BUCKETS_S,
        )
        registry.register(self.latency)
        self.partitions = PartitionMetrics()
        registry.register(self.partitions)
        self._last_turn = time.monotonic()
        self._open = _Open()

    def turned(self) -> None:
        """The loop is alive."""
        self._last_turn = time.monotonic()

    def add(
        self, decisions: Decisions, letters: Iterable[DeadLetter], records: Records, seconds: float
    ) -> None:
        """A batch was written; it counts once it is committed."""
        self.batch.observe(len(records))
        self.seconds.observe(seconds)
        self._open.add(decisions, letters)

    def committed(self) -> None:
        """What was written since the last commit is visible now."""
        done, self._open = self._open, _Open()
        self.transactions.inc(done.transactions)
        self.alerts.inc(done.alerts)
        for rule, count in done.rules.items():
            self.reasons.labels(rule).inc(count)
        for stage, count in done.stages.items():
            self.dead_letters.labels(stage).inc(count)
        for times in done.times:
            self.latency.observe(np.maximum(time.time() - times / 1_000, 0.0))

    def aborted(self) -> None:
        """What was written since the last commit never happened."""
        self.aborts.inc()
        self._open = _Open()

    def decided(self) -> int:
        """How many transactions were decided and committed since the start."""
        return int(_value(self.transactions))

    def totals(self) -> dict[str, float]:
        """What was committed since the start, by name."""
        return {"transactions": _value(self.transactions), "alerts": _value(self.alerts)}

    def alive(self) -> bool:
        """Whether the loop has turned in the last minute."""
        return time.monotonic() - self._last_turn < STUCK_S

    def ready(self) -> bool:
        """Joined, all assigned partitions restored, nothing waited for."""
        return bool(_value(self.joined)) and not _value(self.restoring) and not _value(self.waiting)


@dataclass
class _Open:
    """What was written since the last commit."""

    transactions: int = 0
    alerts: int = 0
    rules: Tally[str] = field(default_factory=Tally)
    stages: Tally[str] = field(default_factory=Tally)
    times: list[Ints] = field(default_factory=list)

    def add(self, decisions: Decisions, letters: Iterable[DeadLetter]) -> None:
        self.transactions += len(decisions.records)
        self.alerts += int(decisions.fraudulent.sum())
        self.rules.update(decisions.alert_sources)
        self.stages.update(letter.stage.value for letter in letters)
        self.times.append(decisions.records.times)


class Summary:
    """One line each ten seconds in which something happened."""

    def __init__(self) -> None:
        """Counts from now."""
        self._since, self._transactions, self._alerts = time.monotonic(), 0.0, 0.0

    def log(self, metrics: Metrics, *, final: bool = False) -> None:
        """Write the line if it is time, or if it is the last."""
        elapsed = time.monotonic() - self._since
        if elapsed < SUMMARY_S and not final:
            return
        transactions, alerts = _value(metrics.transactions), _value(metrics.alerts)
        if transactions > self._transactions or final:
            decided = int(transactions - self._transactions)
            log.info(
                "decided", transactions=decided, alerts=int(alerts - self._alerts),
                per_second=round(decided / max(elapsed, 0.001)), total=int(transactions),
            )  # fmt: skip
        self._since, self._transactions, self._alerts = time.monotonic(), transactions, alerts


def _value(metric: Counter | Gauge) -> float:
    return float(
        next(
            sample.value
            for sample in next(iter(metric.collect())).samples
            if not sample.name.endswith("_created")
        )
    )
