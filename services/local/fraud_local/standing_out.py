"""What is unusual about a transaction, in words, from the features that it was judged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Oddity:
    """A feature that stands out when its value is between two limits.

    Attributes:
        feature: its name.
        words: what is said then, with `{}` for the value.
        least: lower limit.
        most: upper limit.
    """

    feature: str
    words: str
    least: float = -inf
    most: float = inf


ODDITIES = (
    Oddity("amount_to_mean_30d", "{:,.1f} times the user's mean of 30 days", least=3),
    Oddity("txn_per_minute", "{:,.0f} transactions within a minute", least=3),
    Oddity("txn_per_hour", "{:,.0f} transactions within an hour", least=6),
    Oddity("location_changed", "another country than before", least=1),
    Oddity("locations_1d", "{:,.0f} countries within a day", least=3),
    Oddity("kmh_since_last", "{:,.0f} km/h since the last one", least=900),
    Oddity("device_seen_before", "a device that this user never had", most=0),
    Oddity("devices_1d", "{:,.0f} devices within a day", least=3),
    Oddity("merchant_visits", "the first visit to this merchant", most=0),
    Oddity("session_seconds", "{:,.1f} s after the session began", most=5),
    Oddity("night", "at night (UTC)", least=1),
)
"""Limits for people's eyes only: rules and model have their own."""


def standing_out(features: Mapping[str, float | None]) -> list[str]:
    """What people should look at first; of a user's first transaction only that it is the first."""
    if features.get("txn_30d") == 1 and not features.get("user_age_days"):
        return ["the user's first known transaction: there is nothing to compare it with"]
    return [
        oddity.words.format(value)
        for oddity in ODDITIES
        if (value := features.get(oddity.feature)) is not None and oddity.least <= value <= oddity.most
    ]
