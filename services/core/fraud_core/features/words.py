"""Features in words, for analysts: what each is called, and how its values are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud_core.signals import PREFIX

Form = Callable[[float], str]
UNKNOWN = "unknown"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
LONG = 2
"""A unit is used from twice its length on: 90 s are seconds, 150 s are minutes."""
_money: Form = "{:,.2f}".format
_times: Form = "{:,.1f} times".format
_deviations: Form = "{:,.1f} standard deviations".format
_count: Form = "{:,.0f}".format
_share: Form = "{:.1%}".format
_rank: Form = "{:.2f}".format
_days: Form = "{:,.1f} days".format
_km: Form = "{:,.0f} km".format
_kmh: Form = "{:,.0f} km/h".format


def _yes_no(value: float) -> str:
    return "yes" if value else "no"


def _duration(value: float) -> str:
    for unit, length in (("days", DAY_S), ("h", HOUR_S), ("min", MINUTE_S)):
        if value >= LONG * length:
            return f"{value / length:,.1f} {unit}"
    return f"{value:,.0f} s"


def _hour(value: float) -> str:
    minutes = int(value * 60)
    return f"{minutes // 60:02}:{minutes % 60:02} UTC"


@dataclass(frozen=True)
class Words:
    """A feature for people.

    Attributes:
        name: what it is called.
        form: its value as text.
    """

    name: str
    form: Form

    def value(self, value: float | None) -> str:
        """The value as text."""
        return UNKNOWN if value is None else self.form(value)


_COHORT = "up to the label delay ago"
WORDS: Mapping[str, Words] = {
    "amount": Words("amount", _money),
    "amount_to_mean_30d": Words("amount against the user's mean of 30 days", _times),
    "amount_zscore_30d": Words("amount's distance from the user's mean of 30 days", _deviations),
    "txn_per_minute": Words("the user's transactions within a minute", _count),
    "txn_per_hour": Words("the user's transactions within an hour", _count),
    "txn_per_day": Words("the user's transactions within a day", _count),
    "txn_7d": Words("the user's transactions within 7 days", _count),
    "txn_30d": Words("the user's transactions within 30 days", _count),
    "amount_sum_1h": Words("sum of the user's amounts within an hour", _money),
    "amount_sum_1d": Words("sum of the user's amounts within a day", _money),
    "amount_sum_7d": Words("sum of the user's amounts within 7 days", _money),
    "seconds_since_last": Words("time since the user's previous transaction", _duration),
    "location_changed": Words("another country than before", _yes_no),
    "locations_1d": Words("the user's countries within a day", _count),
    "km_since_last": Words("distance from the previous place", _km),
    "kmh_since_last": Words("speed from the previous place", _kmh),
    "device_seen_before": Words("device known of this user", _yes_no),
    "devices_1d": Words("the user's devices within a day", _count),
    "merchant_visits": Words("the user's earlier visits to this merchant", _count),
    "user_age_days": Words("time that the user is known for", _days),
    "session_seconds": Words("time since the session began", _duration),
    "hour": Words("time of day", _hour),
    "night": Words("at night", _yes_no),
    "weekend": Words("at the weekend", _yes_no),
    "merchant_transactions_1d": Words(f"the merchant's transactions in a day {_COHORT}", _count),
    "merchant_transactions_7d": Words(f"the merchant's transactions in 7 days {_COHORT}", _count),
    "merchant_transactions_30d": Words(f"the merchant's transactions in 30 days {_COHORT}", _count),
    "merchant_frauds_1d": Words(f"the merchant's known frauds in a day {_COHORT}", _count),
    "merchant_frauds_7d": Words(f"the merchant's known frauds in 7 days {_COHORT}", _count),
    "merchant_frauds_30d": Words(f"the merchant's known frauds in 30 days {_COHORT}", _count),
    "merchant_fraud_rate_1d": Words(f"the merchant's share of frauds in a day {_COHORT}", _share),
    "merchant_fraud_rate_7d": Words(f"the merchant's share of frauds in 7 days {_COHORT}", _share),
    "merchant_fraud_rate_30d": Words(f"the merchant's share of frauds in 30 days {_COHORT}", _share),
    "merchant_smoothed_rate_1d": Words(f"the merchant's smoothed fraud rate in a day {_COHORT}", _share),
    "merchant_smoothed_rate_7d": Words(f"the merchant's smoothed fraud rate in 7 days {_COHORT}", _share),
    "merchant_smoothed_rate_30d": Words(f"the merchant's smoothed fraud rate in 30 days {_COHORT}", _share),
    "merchant_days_since_fraud": Words("time since the merchant's latest known fraud", _days),
    "amount_to_merchant_mean_30d": Words("amount against the merchant's mean of 30 days", _times),
    "user_frauds_7d": Words(f"the user's known frauds in 7 days {_COHORT}", _count),
    "user_frauds_30d": Words(f"the user's known frauds in 30 days {_COHORT}", _count),
    "user_days_since_fraud": Words("time since the user's latest known fraud", _days),
    "ip_reputation": Words("bad name of the address's network, 0 to 1", _rank),
    "ip_country_differs": Words("address is of another country", _yes_no),
    "logins_1h": Words("attempts to log in within an hour", _count),
    "failed_logins_1h": Words("failed attempts to log in within an hour", _count),
    "device_users_1d": Words("users seen on this device within a day", _count),
    "merchant_days_since_first_fraud": Words("time since the merchant's first known fraud", _days),
    "merchant_fraud_rate_since_first": Words("the merchant's share of frauds since the first", _share),
    "merchant_transactions_since_fraud": Words("the merchant's transactions since its latest fraud", _count),
    "category_visits": Words("the user's earlier transactions in this category", _count),
    "amount_to_category_mean": Words("amount against the user's mean in this category", _times),
    "amount_to_category_mean_30d": Words("amount against the category's mean of 30 days", _times),
    "category_smoothed_rate_30d": Words(f"the category's smoothed fraud rate in 30 days {_COHORT}", _share),
}
"""Every feature, in its order."""


def words_of(feature: str) -> Words:
    """The feature, or the signal, in words; one that this version does not know keeps its name."""
    if feature.startswith(PREFIX):
        return Words(f"rule {feature.removeprefix(PREFIX)} fired", _yes_no)
    return WORDS.get(feature) or Words(feature, lambda value: f"{value:g}")


def factor_sentences(factors: Sequence[Mapping[str, Any]]) -> list[str]:
    """`Decision.top_factors` for people, one sentence a factor."""
    return [_sentence(factor) for factor in factors]


def _sentence(factor: Mapping[str, Any]) -> str:
    words = words_of(factor["feature"])
    said = f"{words.name}: {words.value(factor['value'])}, typically {words.value(factor['typical'])}"
    moved = factor["contribution"]
    return said if moved is None else f"{said} ({moved:+.2f})"
