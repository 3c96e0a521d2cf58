"""Rules that models read, frauds that only these tell, and a bundle that has learned from them."""

from functools import cache
from pathlib import Path

import numpy as np

from fraud_core.models import Bundle
from fraud_core.rules import RuleSet, load_rules
from fraud_core.signals import Signal
from fraud_trainer.rows import Rows
from fraud_trainer.training import DAY_MS, Plan, train
from tests.support.bundles import feature_values
from tests.support.labelled import labelled

RISKY, ODD = Signal("risky", "a" * 12), Signal("odd", "b" * 12)
DAYS, COUNT = 40, 4_000
PLAN = Plan("hist_gradient_boosting", {"max_iter": 20}, label_delay=DAY_MS, maturity=DAY_MS)
SHOPS = """\
- {name: large, expression: amount > 200, reason: Large}
- name: risky_shop
  expression: merchant IN ('shop 0', 'shop 1', 'shop 2')
  reason: Risky shop
  action: signal
- {name: quick, expression: seconds_since_last < 3600, reason: Quick, action: signal}
"""
"""For `tests.support.histories.history`: no feature knows a shop by its name."""


def shop_rules(folder: Path, text: str = SHOPS) -> RuleSet:
    """The rules of a file with this text."""
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path)


def signalled(known_from: float = 0.0) -> Rows:
    """Rows that are frauds where the rule `risky` fires, and seldom where not; `odd` fires at random.

    Of the share `known_from` of them, the earliest, nobody knows whether `risky` fired.
    """
    random = np.random.default_rng(0)
    risky, odd = (random.random(COUNT) < share for share in (0.05, 0.1))
    signals = np.array([odd, risky], dtype=np.float64)
    signals[1, : int(known_from * COUNT)] = np.nan
    values = np.concatenate([feature_values(COUNT, seed=1), signals])
    return labelled(values, risky & (random.random(COUNT) < 0.9), DAYS, (ODD, RISKY))


@cache
def signal_bundle() -> Bundle:
    """It reads both rules, all features but one, and alerts on what `risky` fired for."""
    return train(signalled(), 0, (DAYS - 1) * DAY_MS, PLAN).bundle
