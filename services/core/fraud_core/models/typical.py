"""What would have been typical of the user who made a transaction, as far as the features know.

Where a user has a past, their own mean amount and pace of the last 30 days say what to expect: the count of
a day is that of their usual day, and its sum so many times their usual amount. All else is the median of the
training window. Only operations that round alike in any batch are used: what a row gets must not depend on
the rows beside it.
"""

import numpy as np

from fraud_core.features import names
from fraud_core.models.inputs import Floats

DAY_S = 86_400.0
MONTH_DAYS = 30.0
SPANS = (
    (names.TXN_PER_MINUTE, None, 1 / 1_440),
    (names.TXN_PER_HOUR, names.AMOUNT_SUM_1H, 1 / 24),
    (names.TXN_PER_DAY, names.AMOUNT_SUM_1D, 1.0),
    (names.TXN_7D, names.AMOUNT_SUM_7D, 7.0),
)
"""Count, sum where there is one, and length in days of the windows that a month says something about."""


def typical_rows(values: Floats, medians: Floats) -> Floats:
    """For each transaction a row of features as the user's own past would have them.

    Args:
        values: all features, shape (features, transactions); NaN is unknown.
        medians: of the training window, shape (features,); NaN where most are unknown.

    Returns:
        Shape (features, transactions).
    """
    found = np.repeat(medians[:, None], values.shape[1], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = values[names.AMOUNT] / values[names.AMOUNT_TO_MEAN_30D]
    earlier = values[names.TXN_30D] - 1.0
    # A first transaction, or one of a user without amounts, has no past to be compared with.
    of_user = np.isfinite(mean) & (mean > 0) & (earlier >= 1)
    mean, earlier = mean[of_user], earlier[of_user]
    days = np.clip(np.nan_to_num(values[names.USER_AGE_DAYS, of_user], nan=MONTH_DAYS), 1.0, MONTH_DAYS)
    own = {names.AMOUNT: mean, names.AMOUNT_TO_MEAN_30D: np.ones(mean.size)}
    own[names.AMOUNT_ZSCORE_30D] = np.where(np.isnan(values[names.AMOUNT_ZSCORE_30D, of_user]), np.nan, 0.0)
    own[names.SECONDS_SINCE_LAST] = days * DAY_S / earlier
    for count, total, length in SPANS:
        own[count] = 1.0 + np.minimum(np.rint(earlier / days * length), earlier)
        if total is not None:
            own[total] = mean * own[count]
    for row, column in own.items():
        found[row, of_user] = column
    return found
