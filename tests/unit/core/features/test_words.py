"""Every feature has words, and a factor becomes a sentence that needs no data scientist."""

import pytest

from fraud_core.features import FEATURES
from fraud_core.features.words import WORDS, factor_sentences, words_of


def test_every_feature_has_words_and_no_two_have_the_same() -> None:
    assert tuple(WORDS) == FEATURES
    assert len({words.name for words in WORDS.values()}) == len(FEATURES)


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("value", [None, 0.0, 1.0, 12_345.678])
def test_every_value_can_be_said(feature: str, value: float | None) -> None:
    assert words_of(feature).value(value)


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("amount", 1950.5, "1,950.50"),
        ("amount_to_mean_30d", 21.03, "21.0 times"),
        ("location_changed", 1.0, "yes"),
        ("seconds_since_last", 12.0, "12 s"),
        ("seconds_since_last", 400.0, "6.7 min"),
        ("seconds_since_last", 300_000.0, "3.5 days"),
        ("merchant_fraud_rate_7d", 0.25, "25.0%"),
        ("hour", 3.5, "03:30 UTC"),
        ("kmh_since_last", None, "unknown"),
        ("rule:risky_shop", 0.0, "no"),
    ],
)
def test_a_value_is_said_in_its_own_unit(feature: str, value: float | None, text: str) -> None:
    assert words_of(feature).value(value) == text


def test_a_factor_is_one_sentence_with_the_value_the_typical_one_and_what_it_did() -> None:
    factors = [
        {"feature": "amount", "value": 950.0, "typical": 45.0, "contribution": 0.214},
        {"feature": "device_seen_before", "value": 1.0, "typical": None, "contribution": -0.05},
        {"feature": "rule:risky_shop", "value": 1.0, "typical": 0.0, "contribution": 0.3},
        {"feature": "of_tomorrow", "value": 1.5, "typical": 2.0, "contribution": None},
    ]

    assert factor_sentences(factors) == [
        "amount: 950.00, typically 45.00 (+0.21)",
        "device known of this user: yes, typically unknown (-0.05)",
        "rule risky_shop fired: yes, typically no (+0.30)",
        "of_tomorrow: 1.5, typically 2",
    ]
