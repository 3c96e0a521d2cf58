"""The features as `docs/features.md` defines them: slow, plain, and over everything that came before.

Nothing is carried from one transaction to the next but the list of the user's earlier ones, in order of
arrival; each feature is worked out from that list anew.
"""

import math
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from fraud_core.features import FEATURES
from fraud_core.features.names import OWN

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
UNITS = 10_000
PANE_LIMIT = 2**57
COUNT_LIMIT = 2**24 - 1
EARTH_RADIUS_KM = 6371.0088

Known = dict[str, float | str | None]
One = TypeVar("One", "Transaction", "Login")

OF_CATEGORIES = ("category_visits", "amount_to_category_mean")
"""Features of the user's own transactions that came later than those that need others'."""
BESIDE = tuple(name for name in FEATURES[OWN:] if name not in OF_CATEGORIES)
"""Features that are unknown where nothing is known but the user's own transactions."""


@dataclass(frozen=True)
class Transaction:
    user: str
    time: int  # ms since 1970
    amount: float
    location: str | None = None
    device_id: str | None = None
    merchant: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    session: int | None = None  # ms since 1970
    category: str | None = None

    @property
    def units(self) -> int:
        return round(self.amount * UNITS)

    @property
    def point(self) -> tuple[float, float] | None:
        if self.latitude is None or self.longitude is None:
            return None
        return (
            (self.latitude, self.longitude)
            if abs(self.latitude) <= 90 and abs(self.longitude) <= 180
            else None
        )


@dataclass(frozen=True)
class Login:
    user: str
    time: int  # ms since 1970
    success: bool


@dataclass(frozen=True)
class Label:
    transaction: str
    time: int  # of the transaction, ms since 1970
    fraud: bool
    known_at: int  # ms since 1970
    merchant: str | None = None
    user: str | None = None
    category: str | None = None


@dataclass
class Latest:
    """The latest hour of a partition: no record moves it by more than a day, but 16 that agree in a row."""

    hour: int = -1
    odd: list[int] = field(default_factory=list)

    def note(self, hour: int, kept: int) -> None:
        if self.hour - kept < hour <= self.hour + 24:
            self.hour, self.odd = max(self.hour, hour), []
            return
        self.odd.append(hour)
        if len(self.odd) == 16:
            self.hour, self.odd = min(self.odd), []


Earlier = Sequence[Transaction]


@dataclass
class Member:
    last: int  # second
    first: int  # ms
    hours: set[int] = field(default_factory=set)
    visits: int = 0
    units: int = 0


def expected(transactions: Sequence[Transaction]) -> list[Known]:
    """The features of each transaction, with the last known country and its age."""
    by_user: dict[str, list[Transaction]] = {}
    result = []
    for now in transactions:
        earlier = by_user.setdefault(now.user, [])
        result.append(features(earlier, now))
        earlier.append(now)
    return result


def expected_beside(stream: Sequence[Transaction | Label], delay: int) -> list[Known]:
    """The features of each transaction that need others than the user's own, for a label delay in hours."""
    earlier, labels, result = list[Transaction](), list[Label](), list[Known]()
    for one in stream:
        if isinstance(one, Label):
            labels.append(one)
        else:
            known = {
                **credibility(earlier, labels, one, delay),
                **of_category(earlier, labels, one, delay),
                **history(labels, one, delay),
                "device_users_1d": device_users(earlier, one),
            }
            result.append(dict.fromkeys(BESIDE) | known)
            earlier.append(one)
    return result


def features(earlier: Earlier, now: Transaction) -> Known:
    return {
        **amounts(earlier, now),
        **tempo(earlier, now),
        **last_seen(earlier, now),
        **travel(earlier, now),
        **sets(earlier, now),
        **calendar(now),
        **dict.fromkeys(BESIDE),
    }


def window(earlier: Earlier, now: Transaction, pane: int, panes: int) -> list[Transaction]:
    """Earlier transactions in the panes up to that of now, where these are still kept."""
    newest = max(transaction.time for transaction in [*earlier, now])
    return [
        other
        for other in earlier
        if other.time // pane <= now.time // pane
        and other.time // pane > now.time // pane - panes
        and other.time // pane > newest // pane - panes
    ]


def by_pane(transactions: Earlier, pane: int) -> list[list[Transaction]]:
    """Panes in order of time, transactions within a pane in order of arrival."""
    panes: dict[int, list[Transaction]] = {}
    for transaction in transactions:
        panes.setdefault(transaction.time // pane, []).append(transaction)
    return [panes[key] for key in sorted(panes)]


def total(transactions: Earlier, pane: int) -> int:
    return sum(min(sum(other.units for other in group), PANE_LIMIT) for group in by_pane(transactions, pane))


def sum_of_squares(transactions: Earlier, pane: int) -> float:
    squares = 0.0
    for group in by_pane(transactions, pane):
        within = 0.0
        for other in group:
            within += float(other.units) * float(other.units)
        squares += within
    return squares


def amounts(earlier: Earlier, now: Transaction) -> Known:
    month = window(earlier, now, DAY, 30)
    mean = float(total(month, DAY)) / float(len(month)) if month else 0.0
    zscore = None
    if len(month) >= 3:
        variance = sum_of_squares(month, DAY) / float(len(month)) - mean * mean
        zscore = (float(now.units) - mean) / max(math.sqrt(max(variance, 0.0)), mean * 0.01, 1.0)
    return {
        "amount": now.amount,
        "amount_to_mean_30d": float(now.units) / mean if mean > 0 else None,
        "amount_zscore_30d": zscore,
        "txn_30d": len(month) + 1,
    }


def tempo(earlier: Earlier, now: Transaction) -> Known:
    minute, hour = window(earlier, now, SECOND, 60), window(earlier, now, MINUTE, 60)
    day = window(earlier, now, HOUR, 24)
    kept = window(earlier, now, DAY, 30)
    week = [other for other in kept if other.time // DAY > now.time // DAY - 7]
    return {
        "txn_per_minute": len(minute) + 1,
        "txn_per_hour": len(hour) + 1,
        "txn_per_day": len(day) + 1,
        "txn_7d": len(week) + 1,
        "amount_sum_1h": float(total(hour, MINUTE) + now.units) / UNITS,
        "amount_sum_1d": float(total(day, HOUR) + now.units) / UNITS,
        "amount_sum_7d": float(total(week, DAY) + now.units) / UNITS,
    }


def newest_with(
    earlier: Earlier, now: Transaction, known: Callable[[Transaction], bool] = lambda _: True
) -> Transaction | None:
    """The newest of the earlier ones, of equals the last to arrive; None if it is after now."""
    newest: Transaction | None = None
    for other in earlier:
        if known(other) and (newest is None or other.time >= newest.time):
            newest = other
    return newest if newest and newest.time <= now.time else None


def last_seen(earlier: Earlier, now: Transaction) -> Known:
    last = newest_with(earlier, now)
    place = newest_with(earlier, now, lambda other: bool(other.location))
    first = min([now.time, *(other.time for other in earlier)])
    return {
        "seconds_since_last": (now.time - last.time) / 1000 if last else None,
        "user_age_days": (now.time - first) / DAY,
        "location_changed": float(now.location != place.location) if now.location and place else None,
        "previous_location": place.location if place else None,
        "seconds_since_location": (now.time - place.time) / 1000 if place else None,
    }


def travel(earlier: Earlier, now: Transaction) -> Known:
    last = newest_with(earlier, now, lambda other: other.point is not None)
    if last is None or last.point is None or now.point is None:
        return {"km_since_last": None, "kmh_since_last": None}
    km = distance(last.point, now.point)
    return {
        "km_since_last": km,
        "kmh_since_last": km * 3600.0 / max((now.time - last.time) / 1000, 1.0),
    }


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    rise = math.sin(math.radians(other[0] - one[0]) / 2)
    turn = math.sin(math.radians(other[1] - one[1]) / 2)
    share = rise * rise + math.cos(math.radians(one[0])) * math.cos(math.radians(other[0])) * (turn * turn)
    return round(2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(share, 1.0))) * 1000) / 1000


def members(earlier: Earlier, key: Callable[[Transaction], str | None], limit: int) -> dict[str, Member]:
    """The bounded set after all earlier transactions, in the order in which its members came in."""
    kept: dict[str, Member] = {}
    for other in earlier:
        name = key(other)
        if not name:
            continue
        member = kept.setdefault(name, Member(last=other.time // SECOND, first=other.time))
        member.last = max(member.last, other.time // SECOND)
        member.first = min(member.first, other.time)
        member.hours.add(other.time // HOUR)
        member.visits += 1
        member.units = min(member.units + other.units, PANE_LIMIT)
        if len(kept) > limit:
            del kept[min(kept, key=lambda name: kept[name].last)]
    return kept


def distinct(earlier: Earlier, now: Transaction, kept: dict[str, Member], name: str) -> int:
    newest = max(transaction.time for transaction in [*earlier, now]) // HOUR
    panes = range(newest - 23, now.time // HOUR + 1)
    return 1 + sum(
        1 for other, member in kept.items() if other != name and any(hour in panes for hour in member.hours)
    )


def sets(earlier: Earlier, now: Transaction) -> Known:
    result: Known = dict.fromkeys(("locations_1d", "device_seen_before", "devices_1d", "merchant_visits"))
    result |= dict.fromkeys(OF_CATEGORIES)
    if now.location:
        locations = members(earlier, lambda other: other.location, 16)
        result["locations_1d"] = distinct(earlier, now, locations, now.location)
    if now.device_id:
        devices = members(earlier, lambda other: other.device_id, 16)
        known = devices.get(now.device_id)
        result["devices_1d"] = distinct(earlier, now, devices, now.device_id)
        result["device_seen_before"] = float(known is not None and known.first <= now.time)
    if now.merchant:
        visited = members(earlier, lambda other: other.merchant, 64).get(now.merchant)
        late = visited is not None and visited.last > now.time // SECOND
        result["merchant_visits"] = None if late else visited.visits if visited else 0
    if now.category:
        spent = members(earlier, lambda other: other.category, 24).get(now.category)
        if spent is None:
            result["category_visits"] = 0
        elif spent.last <= now.time // SECOND:
            result["category_visits"] = spent.visits
            mean = float(spent.units) / float(spent.visits)
            result["amount_to_category_mean"] = float(now.units) / mean if spent.units else None
    return result


def calendar(now: Transaction) -> Known:
    hour = now.time % DAY / HOUR
    weekday = (now.time // DAY + 3) % 7  # 1970-01-01 was a Thursday
    known = now.session is not None and now.session <= now.time
    return {
        "session_seconds": (now.time - now.session) / 1000 if known and now.session is not None else None,
        "hour": hour,
        "night": float(hour < 6),
        "weekend": float(weekday >= 5),
    }


WINDOWS = {"1d": 24, "7d": 7 * 24, "30d": 30 * 24}
SINCE = (
    "merchant_days_since_first_fraud",
    "merchant_fraud_rate_since_first",
    "merchant_transactions_since_fraud",
)


def frauds_at(labels: Sequence[Label], time: int) -> list[Label]:
    """The labels in force at this time that say fraud: of each transaction the one that became known last."""
    in_force: dict[str, Label] = {}
    for label in sorted((label for label in labels if label.known_at <= time), key=lambda one: one.known_at):
        in_force[label.transaction] = label
    return [label for label in in_force.values() if label.fraud]


def cohort(hour: int, now: int, delay: int, window: int) -> bool:
    return now - delay - window < hour <= now - delay


def days_since(frauds: Sequence[Label], now: Transaction, delay: int) -> float | None:
    horizon = now.time // HOUR - delay - 30 * 24
    times = [fraud.time for fraud in frauds if fraud.time < now.time and fraud.time // HOUR > horizon]
    return (now.time - max(times)) / DAY if times else None


def count(frauds: Sequence[Label], now: Transaction, delay: int, window: int) -> int:
    return sum(
        fraud.time < now.time and cohort(fraud.time // HOUR, now.time // HOUR, delay, window)
        for fraud in frauds
    )


def history(labels: Sequence[Label], now: Transaction, delay: int) -> Known:
    mine = [fraud for fraud in frauds_at(labels, now.time) if fraud.user == now.user]
    return {
        "user_frauds_7d": count(mine, now, delay, WINDOWS["7d"]),
        "user_frauds_30d": count(mine, now, delay, WINDOWS["30d"]),
        "user_days_since_fraud": days_since(mine, now, delay),
    }


def still_kept(earlier: Sequence[One], pane: int, kept: int) -> list[One]:
    """Those whose panes are less than so many before the present, each time that one came.

    The present is the latest pane in which something happened, the last eight and an eighth of all left out.
    """
    there, panes = list[One](), list[int]()
    for one in earlier:
        there.append(one)
        if one.time // pane in panes:
            continue
        insort(panes, one.time // pane)
        while (before := len(panes) - 8 - len(panes) // 8) > 0 and panes[0] <= panes[before - 1] - kept:
            gone = panes.pop(0)
            there = [other for other in there if other.time // pane != gone]
    return there


def hours_kept(earlier: Earlier, delay: int) -> list[Transaction]:
    return still_kept(earlier, HOUR, 30 * 24 + delay + 7 * 24)


def cohort_of(kept: Earlier, now: Transaction, delay: int, window: int) -> list[Transaction]:
    return [other for other in kept if cohort(other.time // HOUR, now.time // HOUR, delay, window)]


def credibility(earlier: Earlier, labels: Sequence[Label], now: Transaction, delay: int) -> Known:
    result: Known = {"merchant_days_since_fraud": None, "amount_to_merchant_mean_30d": None}
    result |= dict.fromkeys(SINCE)
    for name in WINDOWS:
        for what in ("transactions", "frauds", "fraud_rate", "smoothed_rate"):
            result[f"merchant_{what}_{name}"] = None
    if not now.merchant:
        return result
    everywhere = hours_kept([other for other in earlier if other.merchant], delay)
    here = hours_kept([other for other in earlier if other.merchant == now.merchant], delay)
    frauds = [fraud for fraud in frauds_at(labels, now.time) if fraud.merchant == now.merchant]
    full_hour = now.time // HOUR * HOUR
    all_frauds = [fraud for fraud in frauds_at(labels, full_hour) if fraud.merchant]
    result["merchant_days_since_fraud"] = days_since(frauds, now, delay)
    result |= since_frauds(here, frauds, now, delay)
    for name, window in WINDOWS.items():
        n, f = len(cohort_of(here, now, delay, window)), count(frauds, now, delay, window)
        fleet_n = len(cohort_of(everywhere, now, delay, window))
        fleet_f = sum(cohort(fraud.time // HOUR, now.time // HOUR, delay, window) for fraud in all_frauds)
        result[f"merchant_transactions_{name}"] = n
        result[f"merchant_frauds_{name}"] = f
        result[f"merchant_fraud_rate_{name}"] = min(f, n) / n if n else None
        result[f"merchant_smoothed_rate_{name}"] = (
            (min(f, n) + 20 * min(fleet_f / fleet_n, 1.0)) / (n + 20) if fleet_n else None
        )
    month = [min(other.units, 10**12) for other in cohort_of(here, now, delay, WINDOWS["30d"])]
    if sum(month):
        mean = sum(month) / len(month)
        result["amount_to_merchant_mean_30d"] = min(now.units, 10**12) / mean
    return result


def of_category(earlier: Earlier, labels: Sequence[Label], now: Transaction, delay: int) -> Known:
    result: Known = {"amount_to_category_mean_30d": None, "category_smoothed_rate_30d": None}
    if not now.category:
        return result
    window, full_hour = WINDOWS["30d"], now.time // HOUR * HOUR
    everywhere = hours_kept([other for other in earlier if other.category], delay)
    here = hours_kept([other for other in earlier if other.category == now.category], delay)
    fleet, mine = (cohort_of(kept, now, delay, window) for kept in (everywhere, here))
    all_frauds = [one for one in frauds_at(labels, full_hour) if one.category]
    frauds = [one for one in all_frauds if one.category == now.category]
    known = min(count(frauds, now, delay, window), len(mine))
    if fleet:
        fleet_f = sum(cohort(one.time // HOUR, now.time // HOUR, delay, window) for one in all_frauds)
        rate = min(fleet_f / len(fleet), 1.0)
        result["category_smoothed_rate_30d"] = (known + 20 * rate) / (len(mine) + 20)
    units = [min(other.units, 10**12) for other in mine]
    if sum(units):
        result["amount_to_category_mean_30d"] = min(now.units, 10**12) / (sum(units) / len(units))
    return result


def since_frauds(here: Earlier, frauds: Sequence[Label], now: Transaction, delay: int) -> Known:
    """What happened at the merchant between its earliest known fraud, its latest, and the label delay ago."""
    horizon = now.time // HOUR - delay - 30 * 24
    hours = [one.time // HOUR for one in frauds if one.time < now.time and one.time // HOUR > horizon]
    if not hours:
        return dict.fromkeys(SINCE)
    earliest = min(one.time for one in frauds if one.time < now.time and one.time // HOUR > horizon)
    old = [other.time // HOUR for other in here if other.time // HOUR <= now.time // HOUR - delay]
    cohort_size = sum(hour >= min(hours) for hour in old)
    known = sum(hour <= now.time // HOUR - delay for hour in hours)
    return {
        "merchant_days_since_first_fraud": (now.time - earliest) / DAY,
        "merchant_fraud_rate_since_first": min(known, cohort_size) / cohort_size if cohort_size else None,
        "merchant_transactions_since_fraud": sum(hour > max(hours) for hour in old),
    }


def attempts(logins: Sequence[Login], now: Transaction) -> Known:
    """Logins that were read by now, of the 60 minutes up to that of now, as far as they are kept: a day."""
    mine = still_kept([one for one in logins if one.user == now.user], MINUTE, 24 * 60)
    minute = now.time // MINUTE
    recent = [one for one in mine if minute - 60 < one.time // MINUTE <= minute]
    return {"logins_1h": len(recent), "failed_logins_1h": sum(not one.success for one in recent)}


def device_users(earlier: Earlier, now: Transaction) -> int | None:
    """Users whose latest hour on the device is in the 24 up to that of now, and of the last two days."""
    if not now.device_id:
        return None
    partition, latest = Latest(), dict[str, int]()
    for other in [*earlier, now]:
        if not other.device_id:
            continue
        hour = other.time // HOUR
        partition.note(hour, kept=48)
        if other is not now and other.device_id == now.device_id and hour > partition.hour - 48:
            latest[other.user] = max(latest.get(other.user, -1), hour)
    oldest = max(now.time // HOUR - 24, partition.hour - 48)
    others = [user for user, hour in latest.items() if user != now.user and oldest < hour <= now.time // HOUR]
    return 1 + len(others)
