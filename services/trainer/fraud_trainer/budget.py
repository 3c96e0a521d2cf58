"""What training says of an alert budget that can't be used as asked. Apart, as it needs no scikit-learn."""

from collections.abc import Mapping

BY_RULE = "alert_rate_rule_"
"""Prefix of the share of the traffic that one rule alerts on; its name follows."""


def over_budget(budget: object, shares: Mapping[str, float]) -> str | None:
    """Where the rules alone exceed the alert budget: which they are, and how often each alerts.

    Args:
        budget: share of the traffic that may be alerts; costs and the like are no budget.
        shares: as `evaluation.alert_shares` gives them.

    Returns:
        A sentence, or None where the rules leave the model some of the budget.
    """
    alone = shares.get("alert_rate_rules", 0.0)
    if not isinstance(budget, float) or alone <= budget:
        return None
    own = [(share, name.removeprefix(BY_RULE)) for name, share in shares.items() if name.startswith(BY_RULE)]
    named = ", ".join(f"{name} {share:.2%}" for share, name in sorted(own, key=lambda one: (-one[0], one[1])))
    return (
        f"The rules alone alert on {alone:.2%} of the traffic, over the budget of {budget:.2%}: {named}. "
        "So the budget is the model's own."
    )


def alerts_on_nothing(budget: object, shares: Mapping[str, float], highest: float) -> str | None:
    """Where a model can't use the alert budget, as so many that it takes for riskiest have one score.

    Args:
        budget: share of the traffic that may be alerts; costs and the like are no budget.
        shares: as `evaluation.alert_shares` gives them.
        highest: rank of the highest score, which is the middle of the ranks of those that have it.

    Returns:
        A sentence, or None where the model alerts.
    """
    if not isinstance(budget, float) or shares.get("alert_rate_model"):
        return None
    tied = 2.0 * (1.0 - highest)
    return (
        f"The model alerts on nothing: the riskiest {tied:.2%} of the traffic have one and the same score, "
        f"and the budget of {budget:.2%} has no room for all of them. Raise --threshold, or the number of "
        "trees."
    )
