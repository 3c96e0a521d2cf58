"""What signals are called, by models and in decisions."""

import pytest

from fraud_core.schemas import feature_names
from fraud_core.signals import Signal, input_names


@pytest.mark.parametrize("rule", ["odd", "of.A-b_1", "a" * 64])
def test_a_key_says_which_rule_and_which_expression(rule: str) -> None:
    signal = Signal(rule, "0123456789ab")

    assert signal.key == f"{rule}:0123456789ab"
    assert Signal.of(signal.key) == signal


def test_models_read_all_features_and_signals_after_them() -> None:
    names = input_names([Signal("odd", "a"), Signal("late", "b")])

    assert names == (*feature_names(), "rule:odd", "rule:late")
