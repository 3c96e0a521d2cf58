"""What a command may change, and what it says where it may not."""

from dataclasses import replace

import pytest

from fraud_core.errors import ConfigError
from fraud_core.rollouts import BundleRef, Limits, Rollout
from fraud_core.rollouts.records import canaried, promoted
from fraud_local.models import telling
from fraud_local.models.changes import challenger_of, rolled_back

OLD, NEW = (BundleRef(name, f"kafka://fraud_models/{name}", name * 64) for name in "ab")
START = Rollout("pipe", 1, champion=OLD)


def test_a_rollback_gives_up_the_challenger_first_and_then_returns_to_the_champion_before() -> None:
    over = promoted(START, NEW)
    trying = canaried(over, OLD, 5, Limits())

    calm = rolled_back(trying)
    back = rolled_back(calm)

    assert (calm.champion, calm.challenger) == (NEW, None)
    assert (back.champion, back.previous) == (OLD, NEW)


def test_where_there_is_nothing_to_return_to_it_says_so() -> None:
    with pytest.raises(ConfigError, match="no challenger to give up and no earlier champion"):
        rolled_back(START)


def test_a_challenger_that_is_not_there_can_not_be_promoted() -> None:
    with pytest.raises(ConfigError, match="pipe has no challenger to promote"):
        challenger_of(START, "promote")


def test_each_bundle_is_told_with_its_role() -> None:
    trying = replace(canaried(START, NEW, 12.5, Limits()), previous=BundleRef("c", "kafka://x/c", "c" * 64))

    roles = [telling.role_of(name * 64, trying) for name in "abcd"]

    assert roles == ["champion", "canary 12.5 %", "previous", None]
