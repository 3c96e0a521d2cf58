"""Which decisions that are no alerts are drawn for review, so that what nobody alerts on is known too.

Every one has a probability, and is drawn where a stable hash of its transaction's id is below it: the same
transaction is drawn in every run, and a reader who weighs it by one over its probability sees no bias.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from fraud_core.rollouts.canary import places
from fraud_detector.settings import ReviewSettings

Floats = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
SALT = 0x5EED


@dataclass(frozen=True)
class Sample:
    """Of a batch.

    Attributes:
        drawn: which decisions are to be reviewed.
        probability: of each that is drawn; NaN elsewhere.
    """

    drawn: Mask
    probability: Floats


def sample(
    ids: pl.Series,
    *,
    scores: Floats,
    thresholds: Floats,
    fraudulent: Mask,
    others_alert: Mask,
    settings: ReviewSettings,
) -> Sample:
    """Draw from the decisions of a batch.

    Args:
        ids: of the transactions.
        scores: by the version that decided; NaN where only rules did.
        thresholds: of that version.
        fraudulent: the alerts, which are reviewed anyway and never drawn.
        others_alert: where a version that does not decide would have alerted.
        settings: the probabilities.
    """
    # As many ranks below the threshold as are above it: what was close to being an alert.
    near = scores >= thresholds - (1.0 - thresholds)
    probability = np.full(len(scores), settings.share)
    probability[near] = np.maximum(probability[near], settings.near_share)
    probability[others_alert] = np.maximum(probability[others_alert], settings.challenger_share)
    drawn = (places(ids, SALT) < probability) & ~fraudulent
    return Sample(drawn, np.where(drawn, probability, np.nan))
