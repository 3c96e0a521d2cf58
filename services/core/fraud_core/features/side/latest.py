"""The latest hour of a partition, which no single record moves by more than a day.

An event time may lie: a clock is off, or a date that stands for "never" is in a field. Were the greatest time
seen the latest, one such record would make all that really happens too old to be counted. So a record that is
more than a day ahead, or too old to be kept, says nothing of the latest hour. After so many in a row that do
not fit, the lowest of them is taken for it: the input has a gap, began with a wrong time, or is another one.
Too early an hour does no harm, as it only lets more be kept.
"""

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.kernels import kernel, part

LATEST, ODD, LOWEST, WORDS = range(4)
"""The latest hour, -1 before it is known; how many in a row do not fit; the lowest of these."""
IN_A_ROW = 16
AHEAD = 24


def unknown() -> Ints:
    """What is known before the first record."""
    return np.array([-1, 0, 0], dtype=np.int64)


def earliest_next(known: Ints) -> int:
    """The earliest hour that may be the partition's, -1 where nothing is known of it."""
    return int(min(known[LATEST], known[LOWEST]) if known[ODD] else known[LATEST])


@kernel
def note_all(known: Ints, hours: Ints, kept: int) -> None:
    """Take note of records, in order."""
    for row in range(hours.size):
        note(known, hours[row], kept)


@part
def note(known: Ints, hour: int, kept: int) -> None:
    """Take note of a record, where hours that are `kept` or more before the latest are too old."""
    if known[LATEST] - kept < hour <= known[LATEST] + AHEAD:
        known[LATEST], known[ODD] = max(known[LATEST], hour), 0
        return
    known[LOWEST] = min(known[LOWEST], hour) if known[ODD] else hour
    known[ODD] += 1
    if known[ODD] == IN_A_ROW:
        known[LATEST], known[ODD] = known[LOWEST], 0
