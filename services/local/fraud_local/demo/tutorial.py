"""The tutorial's own three rules on the same stream, to be compared with: literally as its loop has them.

Amounts above 400, another country than the user's last one however long ago, and two flagged merchants. The
tutorial's model is not part of it: the text names a `fraud_model.pkl` and does not say how it was trained.
"""

import polars as pl

FLAGGED = ("XYZ_Merchant", "UnknownShop")
MOST_AMOUNT = 400.0


class TutorialRules:
    """Decides frames of transactions in the order in which they were produced."""

    def __init__(self) -> None:
        """Nobody has been seen anywhere."""
        self._last = pl.DataFrame(schema={"user": pl.String, "last": pl.String})

    def alerts(self, transactions: pl.DataFrame) -> pl.Series:
        """Whether the tutorial would have alerted, one boolean a row."""
        before = pl.col("location").forward_fill().shift().over("user")
        seen = transactions.select("user", "location", "amount", "merchant").join(
            self._last, on="user", how="left", maintain_order="left"
        )
        moved = pl.coalesce(before, "last").ne(pl.col("location"))
        flagged = pl.col("merchant").is_in(FLAGGED)
        alerts = seen.select(
            (pl.col("amount") > MOST_AMOUNT) | moved.fill_null(value=False) | flagged.fill_null(value=False)
        ).to_series()
        self._remember(transactions)
        return alerts.alias("tutorial")

    def _remember(self, transactions: pl.DataFrame) -> None:
        newest = (
            transactions.filter(pl.col("location").is_not_null())
            .group_by("user")
            .agg(pl.col("location").last().alias("last"))
        )
        self._last = pl.concat([self._last.join(newest, on="user", how="anti"), newest])
