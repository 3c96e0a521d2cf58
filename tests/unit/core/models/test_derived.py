"""What classifiers read beside the features is arithmetic on them, row by row."""

import numpy as np
import pytest

from fraud_core.models.derived import derivable, with_derived

FEATURES = (
    "amount", "amount_to_mean_30d", "amount_zscore_30d", "amount_sum_1d", "txn_per_day", "amount_sum_7d",
    "txn_7d", "txn_30d",
)  # fmt: skip
ROW = (60.0, 3.0, 4.0, 100.0, 2.0, 160.0, 5.0, 10.0)
"""A month's mean of 20 with a deviation of 10."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean_1d_to_30d", 50.0 / 20.0),
        ("mean_7d_to_30d", 32.0 / 20.0),
        ("earlier_mean_7d_to_30d", 25.0 / 20.0),
        ("surplus_1d", (40.0 - 20.0) / 10.0),
        ("surplus_7d", (100.0 - 80.0) / (10.0 * 2.0)),
        ("share_7d_of_30d", 0.5),
    ],
)
def test_each_derived_input_says_what_its_name_does(name: str, expected: float) -> None:
    found = with_derived(np.array([ROW]), FEATURES, (name,))

    assert found[0, -1] == pytest.approx(expected)


def test_what_cannot_be_computed_is_unknown() -> None:
    lonely = np.array([[60.0, np.nan, np.nan, 60.0, 1.0, 60.0, 1.0, 1.0]])

    found = with_derived(lonely, FEATURES, derivable(FEATURES))[0, len(FEATURES) :]

    assert np.isnan(found[:-1]).all()
    assert found[-1] == 1.0


def test_only_inputs_whose_features_are_read_are_derived() -> None:
    assert derivable(("amount", "txn_7d", "txn_30d")) == ("share_7d_of_30d",)
    assert derivable(("amount",)) == ()
