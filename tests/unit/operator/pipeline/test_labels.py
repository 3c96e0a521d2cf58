"""What is read of the pipeline's topics where a partition can't be reached."""

from types import SimpleNamespace
from typing import Any

import pytest

from fraud_core.settings import load_settings
from fraud_operator.pipeline import kafka
from fraud_operator.pipeline.kafka import Kafka
from fraud_operator.settings import OperatorSettings


def test_labels_that_can_not_be_counted_are_not_known_and_all_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load_settings(OperatorSettings, kafka={"bootstrap_servers": "127.0.0.1:1"})
    board: Any = SimpleNamespace(refresh=lambda: None, rollouts=dict, workers=lambda _: [])
    writer: Any = None
    counts = {"transactions": 6, "fraud_labels": 6}
    monkeypatch.setattr(kafka, "partition_counts", lambda _: counts)
    monkeypatch.setattr(kafka, "TIMEOUT_S", 0.5)

    found = Kafka(settings, board, writer).read()

    assert found.labels is None
    assert found.partitions == 6
