"""What others have published of devices gets a tombstone in time, whatever single times it holds."""

import numpy as np
import pytest

from fraud_detector.sides import _newest

LATEST = 480_000


def pairs(*hours: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array([(1, user, hour) for user, hour in enumerate(hours)], dtype=np.int64)


@pytest.mark.parametrize(
    ("hours", "latest", "newest"),
    [
        ((LATEST - 1, LATEST), LATEST, LATEST),
        ((LATEST - 1, 1_140_000), LATEST, LATEST - 1),
        ((1_140_000, 1_140_001), LATEST, 1_140_000),
        ((LATEST, 1_140_000), -1, 1_140_000),
    ],
)
def test_a_record_is_as_old_as_its_latest_pair_that_does_not_lie_far_ahead(
    hours: tuple[int, ...], latest: int, newest: int
) -> None:
    assert _newest(pairs(*hours), latest) == newest
