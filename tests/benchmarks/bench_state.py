"""What durable state costs: memory, snapshots, throughput, and the time to restore after a kill.

`python -m tests.benchmarks.bench_state` starts a stack of its own. It feeds transactions of skewed users,
each at least once, and decides them with and without durable state in turn; then the detector with durable
state is killed and started again. Prints one JSON object a line.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from confluent_kafka import Consumer, TopicPartition

from fraud_core.features import CHUNKS, State, advance
from fraud_core.kafka import client_config
from fraud_detector.snapshots import MOST_WORDS, Lineage, decoded, encoded, warm_up
from fraud_local.stack import running
from tests.support.pipeline import Detector, Pipeline, pipeline

SLICE = 50_000
PARTITIONS = 6
PATIENCE_S = 3_600


def slices(rows: int, users: int, seed: int = 1) -> Iterator[pl.DataFrame]:
    """Transactions over thirty days: every user once in shuffled order, the rest as a power law has them."""
    draw = np.random.default_rng(seed)
    who = np.concatenate(
        [np.arange(users), (draw.pareto(0.7, max(rows - users, 0)) * 20).astype(np.int64) % users]
    )
    draw.shuffle(who)
    who = who[:rows]
    start = int(datetime(2026, 1, 1).timestamp() * 1_000)
    times = start + np.arange(rows) * (30 * 86_400_000 // rows)
    for first in range(0, rows, SLICE):
        user, time_ = pl.Series(who[first : first + SLICE]), times[first : first + SLICE]
        count = len(user)
        yield pl.DataFrame(
            {
                "transaction_id": pl.Series(np.arange(first, first + count)).cast(pl.String),
                "user": "user-" + user.cast(pl.String),
                "amount": draw.lognormal(3.0, 1.0, count).round(2),
                "timestamp": pl.Series(time_).cast(pl.Datetime("ms")),
                "location": draw.choice(["US", "IN", "FR", "BR", "JP"], count),
                "merchant": pl.Series(draw.integers(0, 2_000, count)).cast(pl.String),
                "device_id": (user * 3 + pl.Series(draw.integers(0, 3, count))).cast(pl.String),
            }
        )


def say(**figures: object) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def in_memory(rows: int, users: int) -> None:
    """One partition's share of the users, without a broker."""
    warm_up()
    state, began = State(), time.perf_counter()
    for frame in slices(rows, users):
        unknown = [pl.lit(None).alias(name) for name in ("latitude", "longitude", "session_started_at")]
        advance(state, frame.with_columns(*unknown))
    advanced = time.perf_counter()
    dumped = [state.dump(chunk, MOST_WORDS) for chunk in range(CHUNKS)]
    packed = time.perf_counter()
    lineage = Lineage(1, 0, 1)
    values = [value for chunk, runs in enumerate(dumped) for _, value in encoded(lineage, chunk, 1, runs)]
    compressed = time.perf_counter()
    loaded = State()
    loaded.reserve(state.users)
    for value in values:
        loaded.load(decoded(value).words())
    done = time.perf_counter()
    say(
        part="memory", users=state.users, transactions=rows,
        bytes_a_user=round(state.nbytes / state.users), largest_record=max(map(len, values)),
        snapshot_bytes_a_user=round(sum(map(len, values)) / state.users),
        us_a_user={
            "pack": round((packed - advanced) / state.users * 1e6, 2),
            "compress": round((compressed - packed) / state.users * 1e6, 2),
            "load": round((done - compressed) / state.users * 1e6, 2),
        },
        us_a_transaction=round((advanced - began) / rows * 1e6, 2),
    )  # fmt: skip


def until_decided(made: Pipeline, group: str, detector: Detector, rows: int) -> float:
    """Seconds from when all partitions run until the group has committed so many records."""
    until_running(detector)
    began, deadline = time.perf_counter(), time.monotonic() + PATIENCE_S
    consumer = Consumer({**client_config(made.settings.kafka), "group.id": group})
    places = [TopicPartition(made.topics.transactions.name, number) for number in range(PARTITIONS)]
    while sum(max(place.offset, 0) for place in consumer.committed(places, 30)) < rows:
        if detector.process.poll() is not None or time.monotonic() > deadline:
            sys.exit(detector.log[-3_000:])
        time.sleep(0.1)
    consumer.close()
    return time.perf_counter() - began


def until_running(detector: Detector) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(detector.events("running")) < PARTITIONS:
        if detector.process.poll() is not None or time.monotonic() > deadline:
            sys.exit(detector.log[-3_000:])
        time.sleep(0.05)


def seconds_of(detector: Detector, first: str, last: str) -> float:
    stamps = [
        datetime.fromisoformat(detector.events(name)[place]["timestamp"])
        for name, place in ((first, 0), (last, -1))
    ]
    return (stamps[1] - stamps[0]).total_seconds()


def on_the_broker(rows: int, users: int, rounds: int) -> None:
    """Throughput with and without durable state, and a restore after a kill."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "stack", broker_port=0, registry_port=0) as stack,
    ):
        addresses = stack.addresses
        with pipeline(
            addresses.bootstrap_servers, addresses.schema_registry_url, Path(folder), PARTITIONS
        ) as made:
            for frame in slices(rows, users):
                made.send(frame)
            durable: Detector | None = None
            for number in range(rounds):
                for on in ("false", "true") if number % 2 else ("true", "false"):
                    group = f"{made.environment['FRAUD_PIPELINE']}-{on}-{number}"
                    detector = made.detector(
                        f"{on}-{number}", PIPELINE=group, STATE__DURABLE=on, LOG__FORMAT="json"
                    )
                    seconds = until_decided(made, group, detector, rows)
                    detector.kill()
                    say(part="throughput", round=number, durable=on, a_second=round(rows / seconds))
                    if on == "true":
                        durable, name = detector, group
            assert durable
            again = made.detector("again", PIPELINE=name, LOG__FORMAT="json")
            until_running(again)
            restored = again.events("restored")
            say(
                part="restore", users=sum(event["users"] for event in restored),
                seconds=seconds_of(again, "assigned", "running"),
                replayed=sum(event["replayed"] for event in restored),
                snapshot_bytes=sum(event["snapshot_bytes"] for event in restored),
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    chosen = parser.parse_args()
    in_memory(chosen.rows // PARTITIONS, chosen.users // PARTITIONS)
    on_the_broker(chosen.rows, chosen.users, chosen.rounds)


if __name__ == "__main__":
    main()
