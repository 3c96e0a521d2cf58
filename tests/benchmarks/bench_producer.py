"""The publisher flat out, beside the bare produce rate of the same bytes encoded beforehand, in one run.

`python -m tests.benchmarks.bench_producer` needs brokers with a set-up; it names them by the environment
variables of every service. Both paths use one client configuration and alternate, so that they meet the
same machine. What it writes goes to the topics `transactions` and `fraud_labels` there.
"""

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from fraud_core.settings import load_settings
from fraud_producer.publisher import Publisher, connect
from fraud_producer.settings import ProducerSettings

CHUNK = 5_000
NEVER = threading.Event()


def sample(rows: int, seed: int = 1) -> pl.DataFrame:
    """Transactions with about half of the optional fields, 4,990 users."""
    draw = np.random.default_rng(seed)
    user = draw.integers(0, 4_990, rows)
    start = datetime(2026, 1, 1)
    return pl.DataFrame(
        {
            "transaction_id": [f"{seed:04x}-{row:012d}" for row in range(rows)],
            "user": pl.Series(user).cast(pl.String),
            "amount": draw.lognormal(3.0, 1.0, rows).round(2),
            "timestamp": [start + timedelta(seconds=row) for row in range(rows)],
            "location": draw.choice(["US", "IN", "FR", "BR", "JP"], rows),
            "device": draw.choice(["mobile", "desktop", "tablet"], rows),
            "merchant": draw.choice([f"merchant-{number}" for number in range(1_000)], rows),
            "txn_type": draw.choice(["purchase", "transfer", "withdrawal"], rows),
            "device_id": pl.Series(user * 7_919).cast(pl.String),
        },
        schema_overrides={"timestamp": pl.Datetime("ms")},
    )


def measure(rows: int, work: Callable[[Publisher], None]) -> float:
    """Rows a second, from the first call until the brokers have all."""
    publisher = connect(load_settings(ProducerSettings))
    begin = time.perf_counter()
    work(publisher)
    publisher.drain(NEVER, 60)
    seconds = time.perf_counter() - begin
    undelivered = publisher.undelivered()
    if undelivered:
        raise undelivered
    return rows / seconds


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Print the rates of both paths and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    chunks = [sample(CHUNK, seed) for seed in range(arguments.rows // CHUNK)]
    rows = CHUNK * len(chunks)
    ready = [connect(load_settings(ProducerSettings)).encode_transactions(chunk) for chunk in chunks]
    size = sum(len(value) for encoded in ready for value in encoded.values) / rows

    def bare(publisher: Publisher) -> None:
        for encoded in ready:
            publisher.send(encoded, 0, CHUNK)

    def whole(publisher: Publisher) -> None:
        for chunk in chunks:
            publisher.send(publisher.encode_transactions(chunk), 0, CHUNK)

    say(f"{rows:,} transactions of {size:.0f} bytes, after one round to warm up")
    measure(rows, bare)
    pairs = []
    for _ in range(arguments.rounds):
        pairs.append((measure(rows, bare), measure(rows, whole)))
        say("bare {:9,.0f}/s   encoded and produced {:9,.0f}/s".format(*pairs[-1]))
    alone, full = (statistics.median(column) for column in zip(*pairs, strict=True))
    say(f"median: bare {alone:,.0f}/s, encoded and produced {full:,.0f}/s, ratio {full / alone:.2f}")


if __name__ == "__main__":
    main()
