"""Who is in a canary."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_core.rollouts.canary import in_canary, places, salt_of

ONE, OTHER = "1" * 64, "2" * 64
users = st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=50)
shares = st.floats(0, 1)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(users, digests, shares, shares)
def test_a_user_once_in_stays_in_as_the_weight_grows(
    names: list[str], sha256: str, share: float, other: float
) -> None:
    smaller, greater = sorted((share, other))
    column = pl.Series(names, dtype=pl.String)

    inside = in_canary(column, sha256, smaller)

    assert in_canary(column, sha256, greater)[inside].all()


@given(users, digests)
def test_nobody_is_in_at_weight_0_and_everybody_at_100(names: list[str], sha256: str) -> None:
    column = pl.Series(names, dtype=pl.String)

    assert not in_canary(column, sha256, 0.0).any()
    assert in_canary(column, sha256, 1.0).all()


@given(users, digests, shares)
def test_a_user_is_in_or_out_whoever_else_is_in_the_batch(
    names: list[str], sha256: str, share: float
) -> None:
    together = in_canary(pl.Series(names, dtype=pl.String), sha256, share)

    alone = [in_canary(pl.Series([name], dtype=pl.String), sha256, share)[0] for name in names]

    assert together.tolist() == alone


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_about_the_wanted_share_of_users_is_in(share: float) -> None:
    column = pl.Series([f"user-{number}" for number in range(100_000)])

    found = in_canary(column, ONE, share).mean()

    assert abs(found - share) < 5 * np.sqrt(share * (1 - share) / 100_000)


def test_another_challenger_is_tried_on_other_users() -> None:
    column = pl.Series([f"user-{number}" for number in range(100_000)])
    first, second = (in_canary(column, sha256, 0.1) for sha256 in (ONE, OTHER))

    assert abs((first & second).mean() - 0.01) < 0.002


def test_the_place_of_a_user_never_changes() -> None:
    found = places(pl.Series(["alice", "Zoë", "李"]), salt_of(ONE))

    assert found.tolist() == [0.5045577471256542, 0.2796900511411585, 0.9310801662007344]
