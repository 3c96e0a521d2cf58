"""How much fraud there is, and of which kinds."""

from typing import Any

import pytest

from fraud_producer.simulator import FraudMix, SimulatorSettings, expected_transactions_per_hour
from tests.support.simulating import SCENARIOS, mean, only, simulated


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("fraud_share", "customers"), [(0.001, 3_000), (0.003, 2_000), (0.01, 2_000), (0.05, 300), (0.2, 300)]
)
def test_the_share_of_fraud_is_the_one_asked_for(fraud_share: float, customers: int, seed: int) -> None:
    found = simulated(40, seed=seed, customers=customers, fraud_share=fraud_share)
    assert mean(found.rows["fraud"]) == pytest.approx(fraud_share, rel=0.1)


def test_there_is_none_where_none_is_asked_for() -> None:
    found = simulated(10, customers=300, fraud_share=0.0)
    assert not found.rows["fraud"].any()
    assert found.rows["scenario"].is_null().all()


def test_all_six_scenarios_occur_in_the_proportions_of_the_mix() -> None:
    frauds = simulated(60, seed=1, customers=2_000, fraud_share=0.01).frauds
    mix = FraudMix().model_dump()
    for scenario in SCENARIOS:
        found = mean(frauds["scenario"] == scenario)
        assert found == pytest.approx(mix[scenario] / sum(mix.values()), rel=0.2), scenario


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_alone_is_all_the_fraud_there_is(scenario: str) -> None:
    found = simulated(40, seed=3, customers=1_000, fraud_share=0.01, fraud_mix=only(scenario))
    assert set(found.frauds["scenario"]) == {scenario}
    # Cards are skimmed for days before they are used, so that their first frauds come late.
    assert mean(found.rows["fraud"]) == pytest.approx(
        0.01, rel=0.25 if scenario == "compromised_merchant" else 0.05
    )


@pytest.mark.parametrize("settings", [{}, {"customers": 300, "transactions_per_day": 8, "fraud_share": 0.1}])
def test_there_are_as_many_transactions_as_expected(settings: dict[str, Any]) -> None:
    expected = expected_transactions_per_hour(SimulatorSettings(**settings)) * 24 * 40
    assert simulated(40, seed=1, **settings).rows.height == pytest.approx(expected, rel=0.12)
