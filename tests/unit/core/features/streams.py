"""Streams of transactions that reach the edges: pane boundaries, late events, full sets, growing blocks."""

from collections.abc import Sequence
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st

from fraud_core.features import FEATURES, Computed, Span, State, advance, advance_each
from tests.unit.core.features.reference import DAY, HOUR, MINUTE, SECOND, Known, Label, Login, Transaction

START = 1_700_006_400_000  # a midnight
SCHEMA: Any = {
    "user": pl.String,
    "timestamp": pl.Datetime("ms"),
    "amount": pl.Float64,
    "location": pl.String,
    "device_id": pl.String,
    "merchant": pl.String,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "session_started_at": pl.Datetime("ms"),
    "merchant_category": pl.String,
}
LABEL_SCHEMA: Any = {
    "transaction_id": pl.String,
    "transaction_timestamp": pl.Datetime("ms"),
    "label": pl.String,
    "labelled_at": pl.Datetime("ms"),
    "merchant": pl.String,
    "user": pl.String,
    "merchant_category": pl.String,
}
LOGIN_SCHEMA: Any = {"user": pl.String, "timestamp": pl.Int64, "success": pl.Boolean}
WINDOWS = (SECOND, MINUTE, 60 * SECOND, HOUR, 60 * MINUTE, DAY, 24 * HOUR, 7 * DAY, 30 * DAY)
STEPS = sorted(
    {0, 1, 40 * DAY, -2 * HOUR}
    | {sign * (span + off) for span in WINDOWS for off in (-1, 0, 1) for sign in (1, -1)}
)
"""Milliseconds to the user's next transaction: to the very edges of panes and windows, and back."""

AMOUNTS = st.one_of(
    st.sampled_from((0.0, 0.00005, 0.01, 9.99, 400.0, 1e12)),
    st.floats(min_value=0, max_value=1e5),
)
LOCATIONS = st.sampled_from((None, "", "US", "GB", "IN", "Österreich", "Saint Helena, Ascension " + "ö" * 40))
NAMES = st.sampled_from((None, "", "a", "b", "c", "d" * 31, "e" * 70))
DEGREES = st.sampled_from((None, 0.0, 48.2, -179.9, 180.0, 90.0, 91.0, float("nan"), float("inf")))

steps = st.one_of(st.sampled_from(STEPS), st.integers(-3 * DAY, 3 * DAY))


@st.composite
def transactions(draw: st.DrawFn) -> list[Transaction]:
    """Up to forty transactions of three users whose times wander forth and back."""
    times: dict[str, int] = {}
    drawn = []
    for _ in range(draw(st.integers(1, 40))):
        user = draw(st.sampled_from(("u", "v", "w" * 40)))
        times[user] = max(times.get(user, START) + draw(steps), START - 400 * DAY)
        drawn.append(
            Transaction(
                user=user,
                time=times[user],
                amount=draw(AMOUNTS),
                location=draw(LOCATIONS),
                device_id=draw(NAMES),
                merchant=draw(NAMES),
                category=draw(NAMES),
                latitude=draw(DEGREES),
                longitude=draw(DEGREES),
                session=draw(st.sampled_from((None, times[user], times[user] - 90_500, times[user] + 1))),
            )
        )
    return drawn


def long_stream(seed: int, rows: int, users: int) -> list[Transaction]:
    """Many transactions with more devices, countries, merchants and categories than the sets can hold."""
    random = Random(seed)
    longest = random.choice((2 * SECOND, 10 * MINUTE, 3 * HOUR, 2 * DAY))
    time, drawn = START, []
    for _ in range(rows):
        time += random.randrange(longest)
        late = random.randrange(40 * longest) if random.random() < 0.1 else 0
        drawn.append(
            Transaction(
                user=f"user {random.randrange(users)}",
                time=time - late,
                amount=round(random.lognormvariate(3, 2), 2),
                location=random.choice((None, f"country {random.randrange(random.choice((2, 30)))}")),
                device_id=f"device {random.randrange(random.choice((2, 40)))}",
                merchant=f"merchant {random.randrange(random.choice((3, 100)))}",
                category=f"category {random.randrange(random.choice((3, 50)))}",
                latitude=random.uniform(-90, 90),
                longitude=random.uniform(-180, 180),
            )
        )
    return drawn


def frame(stream: Sequence[Transaction]) -> pl.DataFrame:
    rows = [
        (
            one.user, one.time, one.amount, one.location, one.device_id,
            one.merchant, one.latitude, one.longitude, one.session, one.category,
        )
        for one in stream
    ]  # fmt: skip
    numbers = {"timestamp": pl.Int64, "session_started_at": pl.Int64}
    return pl.DataFrame(rows, schema=SCHEMA | numbers, orient="row").cast(SCHEMA)


def computed(stream: Sequence[Transaction], sizes: Sequence[int] = ()) -> list[Known]:
    """What the engine says of each transaction, in batches of these sizes, the rest as one more."""
    state, begin, known = State(), 0, []
    for size in [*sizes, len(stream)]:
        batch = stream[begin : begin + size]
        begin += len(batch)
        known += rows(advance(state, frame(batch)))
    return known


def computed_together(streams: Sequence[Sequence[Transaction]]) -> list[list[Known]]:
    """The same for streams of several partitions that come as one batch."""
    spans, whole = [], list[Transaction]()
    for stream in streams:
        spans.append(Span(State(), len(whole), len(whole) + len(stream)))
        whole += stream
    known = rows(advance_each(spans, frame(whole)))
    return [known[span.first : span.end] for span in spans]


def rows(result: Computed) -> list[Known]:
    columns = {name: _nulled(row) for name, row in zip(FEATURES, result.values.tolist(), strict=True)}
    columns["previous_location"] = result.previous_location.to_list()
    columns["seconds_since_location"] = _nulled(result.seconds_since_location.tolist())
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _nulled(values: list[float]) -> list[float | None]:
    return [None if value != value else value for value in values]  # noqa: PLR0124 - NaN is unlike itself


def label_frame(labels: Sequence[Label]) -> pl.DataFrame:
    columns = (
        [one.transaction for one in labels],
        [one.time for one in labels],
        ["fraud" if one.fraud else "legitimate" for one in labels],
        [one.known_at for one in labels],
        [one.merchant for one in labels],
        [one.user for one in labels],
        [one.category for one in labels],
    )
    numbers = {"transaction_timestamp": pl.Int64, "labelled_at": pl.Int64}
    schema = LABEL_SCHEMA | numbers
    named = dict(zip(LABEL_SCHEMA, columns, strict=True))
    return pl.DataFrame(named, schema=schema).cast(LABEL_SCHEMA)


def login_frame(logins: Sequence[Login]) -> pl.DataFrame:
    data = [(one.user, one.time, one.success) for one in logins]
    typed = pl.DataFrame(data, schema=LOGIN_SCHEMA, orient="row")
    return typed.with_columns(pl.col("timestamp").cast(pl.Datetime("ms")))
