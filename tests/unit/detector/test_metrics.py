"""What is counted, and when."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from fraud_detector.metrics import LATENCY_BUCKETS_S, LatencyHistogram

TEXT = "From the record to the decision."


@given(st.lists(st.floats(0, 100), max_size=50))
def test_the_histogram_counts_as_prometheus_own_does(seconds: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    fast = LatencyHistogram("latency", TEXT, LATENCY_BUCKETS_S)
    ours.register(fast)
    slow = Histogram("latency", TEXT, buckets=LATENCY_BUCKETS_S, registry=theirs)

    fast.observe(np.array(seconds))
    for value in seconds:
        slow.observe(value)

    assert _counts(ours) == _counts(theirs)


def _counts(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_bucket" in line or "_count" in line]
