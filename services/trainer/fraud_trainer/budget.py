"""What training says of rules that use up the whole alert budget. Apart, as it needs no scikit-learn."""

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
