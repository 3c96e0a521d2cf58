"""How far a partition has come: a batch says what its records say one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fraud_detector.event_time import HOUR_MS, EventTime


@given(st.lists(st.integers(0, 400), min_size=1, max_size=30), st.integers(1, 30), st.integers(0, 500))
def test_a_batch_is_let_through_as_its_records_one_by_one(hours: list[int], size: int, horizon: int) -> None:
    times = np.array(hours, dtype=np.int64) * HOUR_MS
    together, apart = EventTime(int(times[0])), EventTime(int(times[0]))

    for first in range(0, len(times), size):
        batch = times[first : first + size]
        expected, held = 0, None
        while held is None and expected < len(batch):
            count, held = apart.through(batch[expected : expected + 1], horizon * HOUR_MS)
            expected += count

        assert together.through(batch, horizon * HOUR_MS) == (expected, held)
        assert together.ms == apart.ms
        if held is not None:
            return
