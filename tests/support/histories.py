"""A made-up history of card transactions whose frauds can be found: shops go bad, and amounts are odd."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2026, 1, 1)
MAPPING = "transaction_id=ID,user=CARD,amount=AMT,timestamp=AT,merchant=SHOP"


def history(days: int = 60, a_day: int = 150, seed: int = 0) -> pl.DataFrame:
    """Transactions in order of time. Frauds are those of three shops in a month each, and large amounts."""
    random = np.random.default_rng(seed)
    count = days * a_day
    seconds = np.sort(random.integers(0, days * 86_400, count))
    users, shops = random.integers(0, 60, count), random.integers(0, 80, count)
    amounts = random.lognormal(3.0, 0.3, count).round(2)
    day = seconds // 86_400
    large = random.random(count) < 0.01
    bad = (shops < 3) & (day >= 5 + 15 * shops) & (day < 35 + 15 * shops)
    return pl.DataFrame(
        {
            "ID": [f"t{number}" for number in range(count)],
            "CARD": [f"card {user}" for user in users],
            "SHOP": [f"shop {shop}" for shop in shops],
            "AMT": np.where(large, 10 * amounts, amounts),
            "AT": [START + timedelta(seconds=int(second)) for second in seconds],
            "IS_FRAUD": (large | bad).astype(int),
            "KIND": np.where(large, "amount", np.where(bad, "shop", "")),
        }
    )


def written(frame: pl.DataFrame, folder: Path) -> Path:
    """The history as a file."""
    path = folder / "history.parquet"
    frame.write_parquet(path)
    return path
