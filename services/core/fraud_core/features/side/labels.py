"""What labels say of merchants and users: the latest label of a transaction replaces earlier ones.

Two clocks: `transaction_timestamp` is when it happened, `labelled_at` when it became known. A label is in
force from then until the next one's `labelled_at`; of two at the same moment the one that came last is.
"""

import numpy as np
import polars as pl

from fraud_core.features.layout import Ints
from fraud_core.features.side.keys import SEED
from fraud_core.features.side.spans import EVERYBODY, KEY, Spans
from fraud_core.features.side.verdicts import (
    CATEGORY,
    CHANGE,
    KNOWN_FROM,
    KNOWN_UNTIL,
    MERCHANT,
    MOST_CHANGES,
    SIGN,
    TIME,
    USER,
    empty_verdicts,
    judge,
    with_room,
)
from fraud_core.features.strings import hashes, text_of

WARM_UP = 100
"""Labels, more than there is room for at first."""


class Labels:
    """All labels that came.

    Attributes:
        merchants: known frauds by hash of the merchant.
        everywhere: the same, by time alone.
        users: the same by hash of the user.
        categories: the same by hash of the merchant's category.
        categorised: those of a category, by time alone.
    """

    def __init__(self) -> None:
        """Begin without labels."""
        self.merchants, self.everywhere, self.users = Spans(), Spans(), Spans()
        self.categories, self.categorised = Spans(), Spans()
        self._verdicts = empty_verdicts()

    def learn(self, frame: pl.DataFrame) -> None:
        """Take in labels in the order in which they came; columns of `schemas/Label.avsc`."""
        labels = _read(frame)
        self._verdicts = with_room(self._verdicts, frame.height)
        changes = np.empty((CHANGE, MOST_CHANGES * frame.height), dtype=np.int64)
        removed, added = _netted(changes[:, : judge(self._verdicts, labels, changes)])
        for which, spans, together in (
            (MERCHANT, self.merchants, self.everywhere),
            (USER, self.users, None),
            (CATEGORY, self.categories, self.categorised),
        ):
            gone, new = _by(removed, which), _by(added, which)
            spans.change(gone, new)
            if together is not None:
                together.change(_of_everybody(gone), _of_everybody(new))


def warm_up(labels: Labels) -> None:
    """Call what never was fraud, and take it back, so that all machine code exists before a label comes."""
    for known_at, label in ((1, "fraud"), (2, "legitimate")):
        labels.learn(
            pl.DataFrame(
                {
                    "transaction_id": [f"nothing {number}" for number in range(WARM_UP)],
                    "transaction_timestamp": 0,
                    "user": "nobody",
                    "merchant": "nowhere",
                    "merchant_category": "nothing",
                    "label": label,
                    "labelled_at": known_at,
                }
            )
        )


def _read(frame: pl.DataFrame) -> Ints:
    return np.stack(
        [
            hashes(text_of(frame["merchant"]), SEED),
            hashes(text_of(frame["user"]), SEED),
            hashes(text_of(frame["merchant_category"]), SEED),
            _milliseconds(frame["transaction_timestamp"]),
            hashes(text_of(frame["transaction_id"]), SEED),
            _milliseconds(frame["labelled_at"]),
            (frame["label"] == "fraud").cast(pl.Int64).to_numpy(),
        ]
    )


def _netted(changes: Ints) -> tuple[Ints, Ints]:
    """What is known no more, and what is known now; not what several labels have changed to and fro."""
    if not np.any(changes[SIGN] < 0):
        return changes[:SIGN, :0], changes[:SIGN]
    different, places = np.unique(changes[:SIGN], axis=1, return_inverse=True)
    signs = np.zeros(different.shape[1], dtype=np.int64)
    np.add.at(signs, places.ravel(), changes[SIGN])
    removed, added = (np.repeat(different, np.maximum(times, 0), axis=1) for times in (-signs, signs))
    return removed, added


def _by(frauds: Ints, which: int) -> Ints:
    """The spans for merchants, for users or for categories, where these are known."""
    return frauds[[which, TIME, KNOWN_FROM, KNOWN_UNTIL]][:, frauds[which] != 0]


def _of_everybody(spans: Ints) -> Ints:
    together = spans.copy()
    together[KEY] = EVERYBODY
    return together


def _milliseconds(column: pl.Series) -> Ints:
    times: Ints = column.cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
    return times
