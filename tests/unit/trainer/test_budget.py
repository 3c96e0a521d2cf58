"""What training says where the rules alone exceed the alert budget."""

import numpy as np
import pytest

from fraud_core.models.score_map import apply, fit, threshold_for
from fraud_trainer.budget import alerts_on_nothing, over_budget
from fraud_trainer.evaluation import alert_shares

RULES = np.array(["", "", "large", "large,far", "", "", "", "", "", "far"] * 10, dtype=object)
MODEL = np.arange(100) < 5


def test_shares_are_of_the_model_of_each_rule_and_of_all_together() -> None:
    shares = alert_shares(MODEL, RULES != "", RULES)

    assert shares == pytest.approx(
        {
            "alert_rate_model": 0.05,
            "alert_rate_rules": 0.3,
            "alert_rate_union": 0.33,
            "alert_rate_rule_far": 0.2,
            "alert_rate_rule_large": 0.2,
        }
    )


def test_rules_that_exceed_the_budget_are_named_with_their_shares() -> None:
    said = over_budget(0.1, alert_shares(MODEL, RULES != "", RULES))

    assert said == (
        "The rules alone alert on 30.00% of the traffic, over the budget of 10.00%: "
        "far 20.00%, large 20.00%. So the budget is the model's own."
    )


@pytest.mark.parametrize("budget", [0.3, "tutorial", "costs"])
def test_nothing_is_said_where_they_do_not_or_where_there_is_no_budget(budget: object) -> None:
    assert over_budget(budget, alert_shares(MODEL, RULES != "", RULES)) is None


@pytest.mark.parametrize("often", [6, 200])
def test_a_model_whose_riskiest_tie_beyond_the_budget_alerts_on_nothing_and_it_is_said(often: int) -> None:
    raw = np.array([1.0] * (1_000 - often) + [2.0] * often)
    score_map = fit(raw)
    scores = apply(raw, score_map.arrays())

    shares = alert_shares(scores >= threshold_for(scores, 0.005), None)

    said = alerts_on_nothing(0.005, shares, score_map.rank[-1])
    assert said is not None
    assert f"the riskiest {often / 1_000:.2%} of the traffic have one and the same score" in said
    assert alerts_on_nothing("costs", shares, score_map.rank[-1]) is None
    assert alerts_on_nothing(0.005, {"alert_rate_model": 0.004}, score_map.rank[-1]) is None
