"""What is said to be unusual about a transaction."""

from fraud_core.features import FEATURES
from fraud_local.standing_out import ODDITIES, standing_out

ORDINARY = {
    "amount_to_mean_30d": 1.1, "txn_per_minute": 1.0, "txn_per_hour": 2.0, "location_changed": 0.0,
    "locations_1d": 1.0, "device_seen_before": 1.0, "merchant_visits": 4.0, "night": 0.0, "txn_30d": 12.0,
    "user_age_days": 20.0, "kmh_since_last": None, "session_seconds": None,
}  # fmt: skip


def test_it_speaks_of_features_that_exist() -> None:
    assert {oddity.feature for oddity in ODDITIES} <= set(FEATURES)


def test_an_ordinary_transaction_has_nothing_that_stands_out() -> None:
    assert standing_out(ORDINARY) == []


def test_what_is_odd_is_said_with_its_value() -> None:
    odd = {**ORDINARY, "amount_to_mean_30d": 12.34, "kmh_since_last": 4_321.0, "device_seen_before": 0.0}

    assert standing_out(odd) == [
        "12.3 times the user's mean of 30 days",
        "4,321 km/h since the last one",
        "a device that this user never had",
    ]


def test_unknown_is_not_odd() -> None:
    assert standing_out(dict.fromkeys(FEATURES)) == []


def test_of_a_first_transaction_only_that_is_said() -> None:
    first = {**ORDINARY, "txn_30d": 1.0, "user_age_days": 0.0, "merchant_visits": 0.0}

    assert standing_out(first) == ["the user's first known transaction: there is nothing to compare it with"]
