"""Gauges by partition tell what is held when they are asked."""

from prometheus_client import CollectorRegistry

from fraud_detector.partition_metrics import Held, PartitionMetrics


def test_each_partition_has_its_figures() -> None:
    registry, metrics = CollectorRegistry(), PartitionMetrics()
    registry.register(metrics)
    metrics.held = lambda: [Held(0, lag=7, users=3, state_bytes=640), Held(4, lag=0, users=0, state_bytes=64)]

    found = {
        (name, partition): registry.get_sample_value(name, {"partition": partition})
        for name in ("fraud_lag_records", "fraud_state_users", "fraud_state_bytes")
        for partition in ("0", "4")
    }

    assert found == {
        ("fraud_lag_records", "0"): 7,
        ("fraud_lag_records", "4"): 0,
        ("fraud_state_users", "0"): 3,
        ("fraud_state_users", "4"): 0,
        ("fraud_state_bytes", "0"): 640,
        ("fraud_state_bytes", "4"): 64,
    }


def test_a_lag_that_is_unknown_and_a_partition_that_was_given_up_are_not_told() -> None:
    registry, metrics = CollectorRegistry(), PartitionMetrics()
    registry.register(metrics)
    metrics.held = lambda: [Held(1, lag=None, users=1, state_bytes=1)]

    assert registry.get_sample_value("fraud_lag_records", {"partition": "1"}) is None
    assert registry.get_sample_value("fraud_state_users", {"partition": "1"}) == 1
    metrics.held = tuple
    assert registry.get_sample_value("fraud_state_users", {"partition": "1"}) is None
