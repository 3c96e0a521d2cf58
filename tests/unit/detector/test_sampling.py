"""What is drawn for review."""

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fraud_detector.sampling import Sample, sample
from fraud_detector.settings import ReviewSettings

COUNT = 200_000
IDS = pl.Series([f"t{number}" for number in range(COUNT)])
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def drawn(score: float, *, others: bool = False, alert: bool = False, **shares: float) -> Sample:
    def all_of(value: object) -> Any:
        return np.full(COUNT, value)

    return sample(
        IDS,
        scores=all_of(score),
        thresholds=all_of(0.99),
        fraudulent=all_of(alert),
        others_alert=all_of(others),
        settings=ReviewSettings(**shares),
    )


def is_about(found: Sample, share: float) -> bool:
    return abs(float(found.drawn.mean()) - share) < 5 * float(np.sqrt(share / COUNT))


def test_each_kind_is_drawn_with_its_own_probability() -> None:
    assert is_about(drawn(0.5), 0.001)
    assert is_about(drawn(np.nan), 0.001)
    assert is_about(drawn(0.985), 0.02)
    assert is_about(drawn(0.5, others=True), 0.1)
    assert is_about(drawn(0.985, others=True), 0.1)


def test_an_alert_is_reviewed_anyway() -> None:
    assert not drawn(0.995, alert=True, share=1.0).drawn.any()


def test_the_probability_stands_beside_what_is_drawn_and_nowhere_else() -> None:
    found = drawn(0.5, others=True)

    assert set(found.probability[found.drawn]) == {0.1}
    assert np.isnan(found.probability[~found.drawn]).all()


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_what_is_drawn_stays_drawn_as_the_share_grows(alerts: list[bool], share: float, more: float) -> None:
    smaller, greater = sorted((share, more))
    found = [
        sample(
            IDS[: len(alerts)],
            scores=np.zeros(len(alerts)),
            thresholds=np.full(len(alerts), 0.99),
            fraudulent=np.array(alerts),
            others_alert=np.zeros(len(alerts), dtype=bool),
            settings=ReviewSettings(share=one),
        ).drawn
        for one in (smaller, greater)
    ]

    assert found[1][found[0]].all()
