"""The report of a bench says what bounds the detector where the broker's work is known too."""

import psutil
import pytest

from fraud_local.bench.report import as_json, bounds, lines
from fraud_local.bench.runs import Run
from fraud_local.bench.task import Result


def ran(path: str, *, own: float, brokers: float, seconds: float = 2.0) -> dict[str, list[Run]]:
    result = Result(seconds=seconds, cpu_seconds=own, broker_cpu_seconds=brokers, stages={"poll": 0.5})
    return {path: [Run(path, 100_000, 100_000, result)]}


def test_the_bound_is_all_cores_over_the_work_of_both() -> None:
    runs = ran("detector", own=1.5, brokers=0.5)

    found = bounds(runs)

    assert found == {"detector": pytest.approx((psutil.cpu_count() or 1) * 100_000 / 2.0)}
    assert any("busy all the time" in line for line in lines(runs))
    assert as_json(runs, {})["cpu_us"] == {"detector": [15.0, 5.0]}


def test_of_a_broker_elsewhere_nothing_is_said() -> None:
    runs = ran("detector", own=1.5, brokers=0.0)

    assert bounds(runs) == {}
    assert not any("busy all the time" in line for line in lines(runs))
    assert as_json(runs, {})["bound_per_second"] == {}
