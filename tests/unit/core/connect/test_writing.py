"""What is asked of the brokers by whoever writes reports and targets."""

from fraud_core.connect.writing import DELIVERY_S, producer_config
from fraud_core.settings import KafkaSettings


def test_what_people_set_wins_over_how_long_a_record_may_take_and_not_over_its_order() -> None:
    ours = producer_config(KafkaSettings())
    theirs = producer_config(KafkaSettings.model_validate({"properties": {"delivery.timeout.ms": "900"}}))

    assert ours["delivery.timeout.ms"] == DELIVERY_S * 1_000
    assert theirs["delivery.timeout.ms"] == "900"
    assert ours["enable.idempotence"] is theirs["enable.idempotence"] is True
