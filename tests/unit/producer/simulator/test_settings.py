"""What a world can't be, and when it can't be."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from fraud_core.errors import ConfigError
from fraud_producer.simulator import SimulatorSettings, simulate
from tests.support.simulating import SCENARIOS, START


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"seed": -1}, "greater than or equal to 0"),
        ({"customers": 9}, "greater than or equal to 10"),
        ({"customers": 1_000_001}, "less than or equal to 1000000"),
        ({"merchants": 199}, "greater than or equal to 200"),
        ({"transactions_per_day": 0}, "greater than 0"),
        ({"transactions_per_day": 51}, "less than or equal to 50"),
        ({"turnover": 1.1}, "less than or equal to 1"),
        ({"fraud_share": -0.1}, "greater than or equal to 0"),
        ({"fraud_share": 0.21}, "less than or equal to 0.2"),
        ({"fraud_share": float("nan")}, "less than or equal to 0.2"),
        ({"quiet_share": 2}, "less than or equal to 1"),
        ({"unreported_share": -1}, "greater than or equal to 0"),
        ({"wrong_label_share": 0.3}, "less than or equal to 0.2"),
        ({"fast_label_share": 0.6}, "less than or equal to 0.5"),
        ({"label_delay": timedelta(0)}, "greater than or equal to 1 minute"),
        ({"label_delay": timedelta(days=31)}, "less than or equal to 30 days"),
        ({"countries": ()}, "at least 1 item"),
        ({"countries": ("US", "XX")}, "unknown countries XX; known are US, GB"),
        ({"countries": ("US", "US")}, "a country is named twice"),
        ({"fraud_mix": dict.fromkeys(SCENARIOS, 0)}, "at least one scenario needs a share above 0"),
        ({"fraud_mix": {"stolen_card": -1}}, "greater than or equal to 0"),
        ({"fraud_mix": {"phishing": 1}}, "Extra inputs are not permitted"),
        ({"custmers": 20}, "Extra inputs are not permitted"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_bounds(setting: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SimulatorSettings(**setting)
    assert says in str(refused.value)
    assert next(iter(setting)) in str(refused.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(SimulatorSettings(), "seed", 2)  # noqa: B010 - the type says already that it can't be set


@pytest.mark.parametrize(
    ("start", "until", "step", "says"),
    [
        (START, START, timedelta(hours=1), "not after its start"),
        (START, START - timedelta(days=1), timedelta(hours=1), "not after its start"),
        (
            datetime(1999, 12, 31),
            START,
            timedelta(hours=1),
            "start, 1999-12-31 00:00:00, is before the year 2000",
        ),
        (START, None, timedelta(0), "takes a millisecond at least"),
        (START, None, timedelta(hours=-1), "takes a millisecond at least"),
    ],
)
def test_times_that_do_not_fit_together_are_refused(
    start: datetime, until: datetime | None, step: timedelta, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        simulate(SimulatorSettings(), start, until, step=step)


@pytest.mark.parametrize("countries", [("SG",), ("SG", "MX")])
def test_the_smallest_worlds_work(countries: tuple[str, ...]) -> None:
    world = SimulatorSettings(
        customers=10,
        merchants=200,
        transactions_per_day=0.05,
        countries=countries,
        fraud_share=0.2,
        turnover=1,
    )
    assert sum(piece.transactions.height for piece in simulate(world, START, START + timedelta(days=90))) > 10
