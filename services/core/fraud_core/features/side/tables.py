"""What decisions read beside the user's own transactions, for the partitions of one worker or of a file."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from fraud_core.features import names
from fraud_core.features.layout import Ints
from fraud_core.features.side import categories, merchants
from fraud_core.features.side.counts import Counts
from fraud_core.features.side.devices import DeviceUsers
from fraud_core.features.side.hourly import ByHour
from fraud_core.features.side.keys import Keys, keys_of
from fraud_core.features.side.labels import Labels, warm_up
from fraud_core.features.side.logins import Logins
from fraud_core.features.side.merchants import (
    DAY_MS,
    FEATURES,
    HOUR_MS,
    MAX_TIME,
    MONTH,
    MOST_UNITS,
    UNITS,
    WINDOWS,
    Floats,
    Rows,
    kept_hours,
)
from fraud_core.features.side.networks import Networks
from fraud_core.features.side.spans import Spans, known_frauds

LABEL_DELAY_H = 7 * 24
MERCHANTS = slice(names.MERCHANT_TRANSACTIONS_1D, names.MERCHANT_TRANSACTIONS_1D + FEATURES)
SINCE = slice(names.MERCHANT_FRAUD_RATE_SINCE_FIRST, names.MERCHANT_TRANSACTIONS_SINCE_FRAUD + 1)
PAIRED = 0x9E3779B97F4A7C1
"""Times this, an hour makes with the hash of a category that of both."""
CATEGORIES = slice(names.AMOUNT_TO_CATEGORY_MEAN_30D, names.CATEGORY_SMOOTHED_RATE_30D + 1)


class SideTables:
    """Labels and counts that are not the transaction's own user's alone; begins empty.

    Attributes:
        labels: what is known of transactions since.
        merchants: how many transactions merchants had.
        categories: the same of their categories.
        devices: who was seen on them.
        networks: what is said of IP addresses; None where nothing is.
        logins: who tried to log in; None where nobody says.
    """

    def __init__(self, label_delay_h: int = LABEL_DELAY_H, *, shared: bool = False) -> None:
        """Cohorts end so many hours before a transaction, at least one.

        Where `shared`, what is counted can be taken back and published, and must be published: what is not
        yet takes memory.
        """
        self._delay = label_delay_h
        self.labels = Labels()
        self._frauds = ByHour(self.labels.everywhere, label_delay_h, WINDOWS, HOUR_MS)
        self._categorised = ByHour(self.labels.categorised, label_delay_h, WINDOWS[MONTH:], HOUR_MS)
        self._by_category = ByHour(self.labels.categories, label_delay_h, WINDOWS[MONTH:], HOUR_MS)
        self.networks: Networks | None = None
        self.logins: Logins | None = None
        self.merchants = Counts(label_delay_h, kept_hours(label_delay_h), shared=shared)
        self.categories = Counts(label_delay_h, kept_hours(label_delay_h), shared=shared)
        self.devices = DeviceUsers(shared=shared)

    def observe(
        self, values: Floats, frame: pl.DataFrame, keys: Keys, spans: Sequence[tuple[int, int, int]]
    ) -> None:
        """Write the features of transactions, in order, and learn from each once they are written.

        Args:
            values: shape (features, rows); the rows of these features are written.
            frame: columns of `schemas/Transaction.avsc`.
            keys: of the transactions.
            spans: partition, first row and that after the last.
        """
        times = _times(frame)
        of_merchants, earliest, latest = self._known(self.labels.merchants, keys.merchants, times)
        _since(values[names.MERCHANT_DAYS_SINCE_FRAUD], latest, times)
        _since(values[names.MERCHANT_DAYS_SINCE_FIRST_FRAUD], earliest, times)
        fleet, units = _of_all(self._frauds, times), _units(frame)
        rows = Rows(keys.merchants, times, units, of_merchants, fleet, earliest, latest)
        of_users, _, latest = self._known(self.labels.users, keys.users, times)
        _since(values[names.USER_DAYS_SINCE_FRAUD], latest, times)
        values[names.USER_FRAUDS_7D], values[names.USER_FRAUDS_30D] = of_users[MONTH - 1], of_users[MONTH]
        written = values[MERCHANTS], values[SINCE]
        for partition, first, end in spans:
            self.merchants.observe(merchants.run, rows, written, partition, first, end)
        if keys.categories.any():
            self._of_categories(values[CATEGORIES], keys.categories, times, units, spans)
        self._meet(values[names.DEVICE_USERS_1D], keys, times, spans)
        if (networks := self.networks) is not None:
            reputation, differs = values[names.IP_REPUTATION], values[names.IP_COUNTRY_DIFFERS]
            networks.observe(reputation, differs, frame["ip"], keys.locations)
        if self.logins is not None:
            self.logins.observe(values[names.LOGINS_1H], values[names.FAILED_LOGINS_1H], keys.users, times)

    def count(self, frame: pl.DataFrame, partition: int, merchants: int = 0, categories: int = 0) -> None:
        """Learn from transactions of one partition that were decided before.

        Of so many that come first `merchants` and devices are known, or `categories`.
        """
        keys, times, units = keys_of(frame), _times(frame), _units(frame)
        for counts, whose, known in (
            (self.merchants, keys.merchants, merchants),
            (self.categories, keys.categories, categories),
        ):
            counts.count(partition, whose[known:], times[known:], units[known:])
        self._meet(np.empty(frame.height), keys, times, [(partition, merchants, frame.height)])

    def learn_logins(self, frame: pl.DataFrame) -> None:
        """Learn from logins, in any order, if anybody asks for them; columns of `schemas/Login.avsc`."""
        if self.logins is not None:
            self.logins.learn(frame, self.merchants.reached())

    def warm_up(self) -> None:
        """Learn made-up labels and logins, so that all machine code exists before real ones come."""
        warm_up(self.labels)
        if self.logins is not None:
            self.logins.warm_up()

    def savepoint(self, partition: int) -> None:
        """Take what the partition has added as committed."""
        self.merchants.savepoint(partition)
        self.categories.savepoint(partition)
        self.devices.savepoint(partition)

    def roll_back(self, partition: int) -> None:
        """Undo what the partition has added since its savepoint."""
        self.merchants.roll_back(partition)
        self.categories.roll_back(partition)
        self.devices.roll_back(partition)

    def forget(self, partition: int) -> None:
        """Keep of a partition only what it has published; the rest is another worker's to publish."""
        self.merchants.forget(partition)
        self.categories.forget(partition)
        self.devices.forget(partition)

    def _meet(self, values: Floats, keys: Keys, times: Ints, spans: Sequence[tuple[int, int, int]]) -> None:
        for partition, first, end in spans:
            rows = slice(first, end)
            self.devices.observe(keys.devices[rows], keys.users[rows], times[rows], values[rows], partition)

    def _of_categories(
        self, values: Floats, keys: Ints, times: Ints, units: Ints, spans: Sequence[tuple[int, int, int]]
    ) -> None:
        hours = times // HOUR_MS
        _, firsts, places = np.unique(keys + hours * PAIRED, return_index=True, return_inverse=True)
        [frauds], [fleet] = (
            self._by_category.counts(keys[firsts], hours[firsts]),
            _of_all(self._categorised, times),
        )
        rows = categories.Rows(keys, times, units, frauds[places], fleet)
        for partition, first, end in spans:
            self.categories.observe(categories.run, rows, [values], partition, first, end)

    def _known(self, spans: Spans, keys: Ints, times: Ints) -> tuple[Ints, Ints, Ints]:
        horizon = int(WINDOWS[MONTH]) + self._delay
        return known_frauds(spans, keys, times, self._delay, WINDOWS, HOUR_MS, horizon)


def _of_all(frauds: ByHour, times: Ints) -> Ints:
    """For each row the frauds of all together, as its hour began."""
    hours, places = np.unique(times // HOUR_MS, return_inverse=True)
    return np.ascontiguousarray(frauds.of_everybody(hours)[:, places])


def _since(target: Floats, latest: Ints, times: Ints) -> None:
    target[:] = np.where(latest >= 0, (times - latest) / DAY_MS, np.nan)


def _times(frame: pl.DataFrame) -> Ints:
    times: Ints = frame["timestamp"].cast(pl.Datetime("ms")).to_numpy(writable=True).view(np.int64)
    bounded: Ints = np.clip(times, 0, MAX_TIME)
    return bounded


def _units(frame: pl.DataFrame) -> Ints:
    amounts = np.nan_to_num(frame["amount"].cast(pl.Float64).to_numpy(), nan=0.0)
    units: Ints = np.rint(np.clip(amounts, 0.0, MOST_UNITS / UNITS) * UNITS).astype(np.int64)
    return units
