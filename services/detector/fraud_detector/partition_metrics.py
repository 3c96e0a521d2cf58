"""What Prometheus is told of each partition that this worker holds, at the moment it asks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True)
class Held:
    """One partition.

    Attributes:
        lag: records that are on it and not decided; None while that is unknown.
        users: that its state knows.
        state_bytes: memory of its state.
    """

    partition: int
    lag: int | None
    users: int
    state_bytes: int


class PartitionMetrics(Collector):
    """Gauges by partition; who gives a partition up tells nothing more of it.

    Attributes:
        held: tells of all partitions; called in the thread of whoever asks.
    """

    def __init__(self) -> None:
        """Nothing is held yet."""
        self.held: Callable[[], Iterable[Held]] = tuple

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families, also those without a partition."""
        lag = _family("fraud_lag_records", "Records of the input that are not decided yet.")
        users = _family("fraud_state_users", "Users that the state knows.")
        size = _family("fraud_state_bytes", "Memory that the state of the users takes.")
        for one in self.held():
            labels = [str(one.partition)]
            users.add_metric(labels, one.users)
            size.add_metric(labels, one.state_bytes)
            if one.lag is not None:
                lag.add_metric(labels, one.lag)
        yield from (lag, users, size)


def _family(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["partition"])
