"""The frame that rules read, from transactions and what was computed of them."""

from collections.abc import Collection

import polars as pl

from fraud_core.features import FEATURES, Computed


def rule_frame(
    transactions: pl.DataFrame, computed: Computed, wanted: Collection[str] | None = None
) -> pl.DataFrame:
    """The columns of `rule_columns`: the transaction, its features, and where the user was before.

    `amount` is both a field and a feature, with one value.

    Args:
        transactions: columns of `schemas/Transaction.avsc`.
        computed: of the same transactions, in the same order.
        wanted: the features to add, by default all; making a column costs more than filling a small one.
    """
    given = set(transactions.columns)
    features = [
        pl.Series(name, row, nan_to_null=True)
        for name, row in zip(FEATURES, computed.values, strict=True)
        if name not in given and (wanted is None or name in wanted)
    ]
    since = pl.Series("seconds_since_location", computed.seconds_since_location, nan_to_null=True)
    # Not with_columns, which goes through polars' query engine: that costs more than a small batch's rules.
    return transactions.hstack([*features, computed.previous_location.alias("previous_location"), since])
