"""Champion and challenger over the same batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from fraud_core.connect.records import ModelStatus, Role
from fraud_core.connect.records import Serving as Report
from fraud_core.models import LoadedModel, ScoreMap
from fraud_core.models.calibration import Calibration
from fraud_core.rollouts import BundleRef, Limits, Mode, Rollout
from fraud_core.rollouts.canary import in_canary
from fraud_core.schemas import feature_names
from fraud_detector.comparing import EDGES
from fraud_detector.serving import Models, Scored, Serving
from tests.support.bundles import small_bundle

Floats = np.ndarray[Any, np.dtype[np.float64]]
MAP = ScoreMap(raw=(0.0, 1.0), rank=(1e-9, 1 - 1e-9))
USERS = pl.Series([f"u{number}" for number in range(400)])
AMOUNTS = np.linspace(0, 0.999, len(USERS))


def made(name: str, raw: Callable[[Floats], Floats], threshold: float = 0.5) -> LoadedModel:
    manifest = small_bundle().manifest.model_copy(update={"version": name, "threshold": threshold})
    return LoadedModel(manifest, name * 64, raw, MAP.arrays())


def amount(values: Floats) -> Floats:
    return np.asarray(values[0])


def reverse(values: Floats) -> Floats:
    return np.asarray(1 - values[0])


CHAMPION, CHALLENGER = made("a", amount), made("b", reverse, 0.9)


def rolled_out(mode: Mode, challenger: LoadedModel = CHALLENGER, **changes: Any) -> Models:
    ref = BundleRef(challenger.version, "kafka://models", challenger.sha256)
    rollout = Rollout("pipe", changes.pop("generation", 1), challenger=ref, mode=mode, **changes)
    return Models(rollout, CHAMPION, challenger)


def scored(serving: Serving, amounts: Floats = AMOUNTS, users: pl.Series = USERS) -> Scored:
    values = np.full((len(feature_names()), len(amounts)), np.nan)
    values[0] = amounts
    return serving.score(values, users)


def of(serving: Serving, role: Role) -> ModelStatus:
    (found,) = [model for model in serving.status().models if model.role is role]
    return found


def test_in_shadow_the_challenger_scores_and_never_decides() -> None:
    alone, shadow = Serving(Models(champion=CHAMPION)), Serving(rolled_out(Mode.SHADOW))

    calm, tried = scored(alone), scored(shadow)

    for name in ("scores", "thresholds", "alerted"):
        np.testing.assert_array_equal(getattr(calm, name), getattr(tried, name))
    assert tried.versions.to_pylist() == ["a"] * 400
    assert tried.other_versions.to_pylist() == ["b"] * 400
    assert tried.others_alert.sum() == (AMOUNTS <= 0.1).sum()


def test_in_a_canary_each_version_decides_its_own_users_and_the_other_ones_score_stands_beside() -> None:
    serving = Serving(rolled_out(Mode.CANARY, canary_weight=30))
    chosen = in_canary(USERS, CHALLENGER.sha256, 0.3)

    found = scored(serving)

    assert 0 < chosen.sum() < 400
    assert found.versions.to_pylist() == ["b" if one else "a" for one in chosen]
    assert found.other_versions.to_pylist() == ["a" if one else "b" for one in chosen]
    np.testing.assert_allclose(found.scores, np.where(chosen, 1 - AMOUNTS, AMOUNTS), atol=1e-6)
    np.testing.assert_array_equal(found.alerted, np.where(chosen, AMOUNTS <= 0.1, AMOUNTS >= 0.5))


def test_the_probability_is_of_the_version_that_decides_if_it_was_calibrated() -> None:
    halves = Calibration(score=(0.0, 1.0), probability=(0.0, 0.5))
    manifest = CHALLENGER.manifest.model_copy(update={"calibration": halves})
    calibrated = LoadedModel(manifest, CHALLENGER.sha256, reverse, MAP.arrays())
    chosen = in_canary(USERS, CHALLENGER.sha256, 0.3)

    found = scored(Serving(rolled_out(Mode.CANARY, calibrated, canary_weight=30)))

    np.testing.assert_allclose(found.probabilities[chosen], found.scores[chosen] / 2)
    assert np.isnan(found.probabilities[~chosen]).all()


def test_the_rules_alone_may_be_champion() -> None:
    rollout = rolled_out(Mode.SHADOW).rollout
    serving = Serving(Models(rollout, None, CHALLENGER))

    found = scored(serving)

    assert np.isnan(found.scores).all()
    assert not found.alerted.any()
    assert found.other_versions.to_pylist() == ["b"] * 400


def raises(_: Floats) -> Floats:
    raise RuntimeError("no such tree")


def not_a_number(values: Floats) -> Floats:
    return np.where(values[0] > 0.5, np.nan, values[0])


def too_few(values: Floats) -> Floats:
    return values[0, 1:]


@pytest.mark.parametrize(
    ("raw", "why"), [(raises, "no such tree"), (not_a_number, "not a number"), (too_few, "for 400")]
)
@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.CANARY])
def test_a_challenger_that_fails_is_dropped_at_once_and_the_champions_decision_stands(
    raw: Callable[[Floats], Floats], why: str, mode: Mode
) -> None:
    told = []
    failing = made("c", raw)
    serving = Serving(rolled_out(mode, failing, canary_weight=50), on_change=lambda: told.append(1))

    found = scored(serving)
    serving.committed()

    np.testing.assert_array_equal(found.scores, scored(Serving(Models(champion=CHAMPION))).scores)
    assert found.versions.to_pylist() == ["a"] * 400
    assert told
    assert why in (serving.status().rollout_problem or "")
    assert (of(serving, Role.CHALLENGER).running, of(serving, Role.CHALLENGER).errors) == (False, 1)
    assert of(serving, Role.CHAMPION).scored == 400


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(min_decisions=800, max_alert_rate=0.05), "Its alert rate is 10"),
        (Limits(min_decisions=800, max_scoring_us=0.0), "Its mean time to score is "),
    ],
)
def test_a_challenger_that_breaks_a_limit_is_dropped_once_there_is_enough_to_judge_it_by(
    limits: Limits, why: str
) -> None:
    serving = Serving(rolled_out(Mode.CANARY, canary_weight=100, limits=limits))

    scored(serving)
    serving.committed()
    early = serving.status()
    scored(serving)
    serving.committed()

    assert early.rollout_problem is None
    assert why in (serving.status().rollout_problem or "")
    assert scored(serving).versions.to_pylist() == ["a"] * 400


def test_what_was_aborted_is_not_counted() -> None:
    serving = Serving(rolled_out(Mode.SHADOW))

    scored(serving)
    serving.aborted()
    scored(serving)
    before = of(serving, Role.CHALLENGER).scored
    serving.committed()

    assert before == 0
    assert of(serving, Role.CHALLENGER).scored == 400


def test_both_are_counted_over_the_same_transactions() -> None:
    serving = Serving(rolled_out(Mode.CANARY, canary_weight=25))
    scored(serving)
    serving.committed()

    champion, challenger = (of(serving, role) for role in (Role.CHAMPION, Role.CHALLENGER))

    assert champion.scored == challenger.scored == champion.decided + challenger.decided == 400
    assert champion.alerts == (AMOUNTS >= 0.5).sum()
    assert challenger.alerts == (AMOUNTS <= 0.1).sum()
    assert champion.disagreements == challenger.disagreements == champion.alerts + challenger.alerts
    assert sum(champion.scores) == 400
    assert champion.scores[0] == (AMOUNTS < 0.1).sum()
    assert len(champion.scores) == len(EDGES)


@pytest.mark.parametrize(
    "then",
    [
        rolled_out(Mode.CANARY, canary_weight=10, step=1, generation=2),
        rolled_out(Mode.CANARY, canary_weight=50, step=0, generation=2),
        rolled_out(Mode.CANARY, canary_weight=10, step=0, generation=2, challenger=made("c", amount)),
        rolled_out(Mode.SHADOW, canary_weight=10, step=0, generation=2),
    ],
)
def test_counts_begin_anew_with_another_step_or_pair(then: Models) -> None:
    serving = Serving(rolled_out(Mode.CANARY, canary_weight=10, step=0))
    scored(serving)
    serving.committed()
    scored(serving)

    serving.apply(then)
    serving.committed()

    assert [(model.scored, sum(model.scores)) for model in serving.status().models] == [(0, 0), (0, 0)]


def test_counts_go_on_while_the_step_stays() -> None:
    serving = Serving(rolled_out(Mode.CANARY, canary_weight=10, step=0))
    scored(serving)
    serving.committed()

    serving.apply(rolled_out(Mode.CANARY, canary_weight=10, step=0, generation=2, limits=Limits(7)))

    assert of(serving, Role.CHALLENGER).scored == 400


def test_a_canary_that_goes_bad_is_dropped_by_its_own_step_however_long_its_shadow_went_well() -> None:
    limits = Limits(min_decisions=800, max_alert_rate=0.5)
    serving = Serving(rolled_out(Mode.SHADOW, step=0, limits=limits))
    for _ in range(20):
        scored(serving)
        serving.committed()
    serving.apply(rolled_out(Mode.CANARY, canary_weight=50, step=1, generation=2, limits=limits))

    for _ in range(2):
        scored(serving, np.zeros(400))
        serving.committed()

    assert "Its alert rate is 100.00% (98.89% to 100.00% from 800 transactions), above 50.00%." in (
        serving.status().rollout_problem or ""
    )


def test_what_it_failed_on_in_one_step_is_held_against_it_in_the_next() -> None:
    serving = Serving(rolled_out(Mode.SHADOW, made("c", raises), step=0))
    scored(serving)

    serving.apply(rolled_out(Mode.CANARY, made("c", raises), canary_weight=10, step=1, generation=2))

    assert of(serving, Role.CHALLENGER).errors == 1


class Asked(Serving):
    """Another thread may ask for a report between any two assignments."""

    reports: list[Report]

    def __setattr__(self, name: str, value: object) -> None:
        """Assign, and report at once."""
        super().__setattr__(name, value)
        if "reports" in vars(self):
            self.reports.append(self.status())


def test_no_report_of_a_step_has_counts_or_failures_of_the_one_before() -> None:
    serving = Asked(rolled_out(Mode.SHADOW, made("c", raises), step=0))
    scored(serving)
    serving.committed()
    serving.reports = []

    serving.apply(rolled_out(Mode.SHADOW, step=0, generation=2))

    later = [report for report in serving.reports if report.rollout_generation == 2]
    assert later
    for report in later:
        assert report.rollout_problem is None
        assert {(model.scored, model.errors) for model in report.models} == {(0, 0)}


def test_a_dropped_challenger_is_tried_again_by_the_next_rollout_only() -> None:
    serving = Serving(rolled_out(Mode.SHADOW, made("c", raises)))
    scored(serving)
    again = scored(serving)

    serving.apply(rolled_out(Mode.SHADOW, made("c", amount), generation=2))

    assert again.other_versions.to_pylist() == [None] * 400
    assert scored(serving).other_versions.to_pylist() == ["c"] * 400
