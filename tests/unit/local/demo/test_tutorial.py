"""The tutorial's rules over frames decide as the tutorial's own loop does."""

from datetime import datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fraud_local.demo.tutorial import TutorialRules

rows = st.lists(
    st.tuples(
        st.sampled_from(["John", "Peter", "Sam"]),
        st.sampled_from([1.0, 400.0, 400.01, 500.0]),
        st.sampled_from(["US", "IN", None]),
        st.sampled_from(["Amazon", "XYZ_Merchant", "UnknownShop", None]),
    ),
    max_size=40,
)
SCHEMA = {"user": pl.String, "amount": pl.Float64, "location": pl.String, "merchant": pl.String}


def loop(transactions: list[tuple[str, float, str | None, str | None]]) -> list[bool]:
    """The loop of the tutorial; where the country is unknown, it says nothing and remembers nothing."""
    last: dict[str, str] = {}
    found = []
    for user, amount, location, merchant in transactions:
        suspicious = amount > 400
        if location is not None:
            suspicious |= user in last and last[user] != location
            last[user] = location
        suspicious |= merchant in {"XYZ_Merchant", "UnknownShop"}
        found.append(suspicious)
    return found


@given(transactions=rows, cut=st.integers(0, 40))
def test_any_stream_in_two_portions_is_decided_as_by_the_loop(
    transactions: list[tuple[str, float, str | None, str | None]], cut: int
) -> None:
    rules = TutorialRules()
    parts = [transactions[:cut], transactions[cut:]]
    frames = [pl.DataFrame(part, schema=SCHEMA, orient="row") for part in parts]

    alerts = [alert for frame in frames for alert in rules.alerts(frame).to_list()]

    assert alerts == loop(transactions)


def test_it_takes_the_frames_that_the_producer_makes() -> None:
    frame = pl.DataFrame(
        {
            "user": ["a"],
            "amount": [401.0],
            "location": ["US"],
            "merchant": [None],
            "timestamp": [datetime(2026, 1, 1)],
        },
        schema_overrides={"merchant": pl.String},
    )

    assert TutorialRules().alerts(frame).to_list() == [True]
