"""What training says where the rules alone exceed the alert budget."""

import numpy as np
import pytest

from fraud_trainer.budget import over_budget
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
