"""What figures are of: rows that nothing was fitted to, judged by what was known at the time."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fraud_core.models import Manifest
from fraud_core.models.loading import load
from fraud_core.models.manifest import Evaluation
from fraud_trainer.rows import UNKNOWN, Rows
from fraud_trainer.training import DAY_MS, Costs, Plan, Trained, train
from tests.support.bundles import feature_values
from tests.support.labelled import labelled

DAYS, COUNT, END = 41, 4_100, 40
PLAN = Plan("logistic_regression", threshold=0.02, label_delay=DAY_MS, maturity=DAY_MS)
FIRST, MIDDLE = 30 * DAY_MS, 35 * DAY_MS
"""When the validation rows and the test rows begin."""


def rows(share: float = 0.05, count: int = COUNT) -> Rows:
    """Frauds that amounts tell somewhat."""
    values, random = feature_values(count, seed=1), np.random.default_rng(0)
    amounts = np.argsort(np.argsort(values[0])) / count
    return labelled(values, random.random(count) < 2 * share * amounts, DAYS)


def trained(rows: Rows, plan: Plan = PLAN, end: int = END) -> Trained:
    return train(rows, 0, end * DAY_MS, plan)


def told(manifest: Manifest) -> Evaluation:
    assert manifest.evaluation is not None
    return manifest.evaluation


def changed(given: Rows, first: int, end: int, **columns: Any) -> Rows:
    """The same with other values between two moments."""
    here = (given.times >= first) & (given.times < end)
    return replace(
        given, **{name: np.where(here, new, getattr(given, name)) for name, new in columns.items()}
    )


def test_in_order_of_time_come_a_gap_validation_and_test() -> None:
    given = rows()
    found = trained(given)
    evaluation = told(found.bundle.manifest)

    assert found.judged is not None
    assert found.judged.times.min() >= MIDDLE
    assert evaluation.gap_days == evaluation.label_delay_days == 1
    assert evaluation.validation_rows == len(given.between(FIRST, MIDDLE))
    assert evaluation.test_rows == found.judged.times.size == len(given.between(MIDDLE, END * DAY_MS))
    assert evaluation.test_frauds == found.judged.frauds.sum() > 10
    assert evaluation.remarks() == []


def test_calibration_and_threshold_know_nothing_of_the_test_rows() -> None:
    given = rows()
    turned = changed(given, MIDDLE, END * DAY_MS, labels=1 - given.labels)

    one, other = (trained(each, replace(PLAN, threshold=Costs(20, 1))) for each in (given, turned))

    assert one.bundle.manifest.calibration == other.bundle.manifest.calibration
    assert one.bundle.manifest.threshold == other.bundle.manifest.threshold
    assert one.judged is not None
    assert other.judged is not None
    np.testing.assert_array_equal(one.judged.probabilities, other.judged.probabilities)
    np.testing.assert_array_equal(one.judged.alerts, other.judged.alerts)
    assert one.bundle.manifest.metrics["brier"] < other.bundle.manifest.metrics["brier"]


def test_they_do_know_the_validation_rows() -> None:
    given = rows()
    turned = changed(given, FIRST, MIDDLE, labels=1 - given.labels)

    one, other = (trained(each).bundle.manifest for each in (given, turned))

    assert one.calibration != other.calibration


def test_the_final_model_learns_from_all_of_the_window() -> None:
    given = rows()
    manifest = trained(given).bundle.manifest

    assert manifest.counts["training"] == len(given.between(0, END * DAY_MS))
    assert manifest.counts["training_frauds"] == (given.between(0, END * DAY_MS).labels == 1).sum()


def test_the_champion_is_judged_on_the_same_rows() -> None:
    given = rows()
    champion = load(trained(given, replace(PLAN, features=("amount", "txn_7d"))).bundle)

    metrics = train(given, 0, END * DAY_MS, PLAN, champion).bundle.manifest.metrics

    test = given.between(MIDDLE, END * DAY_MS)
    alerts = champion.score(test.values) >= champion.threshold
    assert metrics["champion_alert_rate"] == alerts.mean()
    assert metrics["champion_precision"] == (test.labels[alerts] == 1).mean()


def test_labels_that_came_after_the_fit_are_not_known_to_it() -> None:
    """Whatever became known of the beginning since then, figures stay what they are."""
    given = rows()
    late = changed(given, 0, 10 * DAY_MS, known_at=FIRST + 1)
    turned = changed(late, 0, 10 * DAY_MS, labels=1 - given.labels)

    one, other = (trained(each) for each in (late, turned))

    assert one.judged is not None
    assert other.judged is not None
    np.testing.assert_array_equal(one.judged.scores, other.judged.scores)
    assert told(one.bundle.manifest).labels_known_in_time


def test_where_all_labels_came_in_one_go_it_says_so() -> None:
    evaluation = told(trained(replace(rows(), known_at=np.full(COUNT, END * DAY_MS))).bundle.manifest)

    assert not evaluation.labels_known_in_time
    assert [text[:33] for text in evaluation.remarks()] == ["Too few labels were known in time"]


def test_a_window_too_short_for_a_gap_says_so() -> None:
    plan = replace(PLAN, label_delay=25 * DAY_MS, maturity=25 * DAY_MS)
    evaluation = told(trained(rows(), plan).bundle.manifest)

    assert evaluation.gap_days == 0
    assert evaluation.label_delay_days == 25
    assert "too short for a label delay" in evaluation.remarks()[0]


def test_with_few_frauds_the_same_rows_serve_for_both_and_it_says_so() -> None:
    given = rows()
    lone = changed(given, MIDDLE, END * DAY_MS, labels=0)
    found = trained(lone)
    evaluation = told(found.bundle.manifest)

    assert not evaluation.test_apart
    assert evaluation.validation_rows == evaluation.test_rows == len(given.between(FIRST, END * DAY_MS))
    assert evaluation.validation_frauds == evaluation.test_frauds > 10
    assert [text[:43] for text in evaluation.remarks()] == ["There are too few frauds or others for test"]


def test_with_hardly_any_there_are_no_figures_and_it_says_so() -> None:
    lone = changed(rows(), FIRST, END * DAY_MS, labels=0)
    found = trained(lone)
    evaluation = told(found.bundle.manifest)

    assert found.judged is None
    assert found.bundle.manifest.calibration is None
    assert "average_precision" not in found.bundle.manifest.metrics
    assert evaluation.validation_rows == evaluation.test_rows == 0
    (remark,) = evaluation.remarks()
    assert "too few others whose truth is known, in the training window to judge by" in remark
    assert "give it more days" in remark


def test_where_nothing_came_after_the_window_the_threshold_is_that_of_the_validation_rows() -> None:
    """On what it learned from a model is surer than it will be."""
    given = rows()
    plan = replace(PLAN, label_delay=0, maturity=0)
    at_once = replace(given, known_at=given.times)

    manifest = trained(at_once, plan).bundle.manifest

    assert manifest.counts["validation"] == len(given.between(FIRST, MIDDLE))
    assert 0.01 < manifest.metrics["alert_rate_model"] <= 0.02
    assert manifest.metrics["alert_rate"] == pytest.approx(0.02, abs=0.01)


def test_what_has_no_label_is_taken_for_legitimate_as_it_is_now() -> None:
    """With labels of frauds alone, in a window no longer than they need to be believed."""
    given = rows()
    frauds_alone = replace(given, labels=np.where(given.labels == 1, 1, UNKNOWN).astype(np.int8))
    plan = replace(PLAN, maturity=20 * DAY_MS)

    evaluation = told(trained(frauds_alone, plan).bundle.manifest)

    assert evaluation.labels_known_in_time


def test_recall_is_told_by_kind_of_fraud() -> None:
    given = rows()
    kinds = np.where(given.labels == 1, np.where(np.arange(COUNT) % 2, "odd", "even"), "").astype(object)
    found = trained(replace(given, scenarios=kinds))
    scenarios = told(found.bundle.manifest).scenarios

    assert found.judged is not None
    assert list(scenarios) == ["even", "odd"]
    assert sum(one.frauds for one in scenarios.values()) == found.judged.frauds.sum()
    hits = sum(one.frauds * one.recall for one in scenarios.values())
    assert hits == pytest.approx((found.judged.alerts & found.judged.frauds).sum())


def test_a_manifest_of_before_keeps_its_bytes() -> None:
    manifest = trained(rows()).bundle.manifest
    before = manifest.model_copy(update={"evaluation": None})

    assert b"evaluation" not in before.to_bytes()
    assert Manifest.model_validate_json(before.to_bytes()).evaluation is None
    assert Manifest.model_validate_json(manifest.to_bytes()) == manifest


def test_where_only_frauds_are_known_in_time_nothing_is_judged_and_it_is_said() -> None:
    given = rows(share=0.2)
    given = replace(given, labels=np.where(given.labels == 1, 1, UNKNOWN))

    found = trained(given, replace(PLAN, maturity=30 * DAY_MS))

    assert found.judged is None
    assert found.bundle.manifest.calibration is None
    assert "too few others whose truth is known" in told(found.bundle.manifest).remarks()[0]


def kept(given: Rows, share: float) -> Rows:
    """All frauds and a share of the rest, as of more decisions than memory shall hold."""
    drawn = np.random.default_rng(1).random(len(given)) < share
    some = given.take(np.flatnonzero(drawn | (given.labels == 1)))
    return replace(some, weights=np.where(some.labels == 1, 1.0, 1.0 / share))


def test_figures_of_a_sample_are_those_of_the_traffic() -> None:
    given = rows(share=0.02, count=20_500)

    whole, some = (trained(each).bundle.manifest for each in (given, kept(given, 0.25)))

    near = {
        "alert_rate_model": 0.005, "alert_rate": 0.01, "roc_auc": 0.03, "average_precision": 0.01,
        "brier": 0.003, "calibration_error": 0.005,
    }  # fmt: skip
    for name, distance in near.items():
        assert some.metrics[name] == pytest.approx(whole.metrics[name], abs=distance), name
    assert whole.reference is not None
    assert some.reference is not None
    assert sum(some.reference.scores) == pytest.approx(sum(whole.reference.scores), rel=0.1)


def test_a_sample_has_no_card_precision_and_it_says_why() -> None:
    given = rows()

    whole, some = (trained(each).bundle.manifest for each in (given, kept(given, 0.25)))

    assert "card_precision_at_100" in whole.metrics
    assert "card_precision_at_100" not in some.metrics
    assert (told(whole).kept, told(some).kept) == (None, 0.25)
    assert b"kept" not in whole.to_bytes()
    assert told(some).remarks()[0].startswith("Of transactions that are no frauds 25% were kept")


@pytest.mark.parametrize("algorithm", ["logistic_regression", "isolation_forest"])
def test_a_window_begins_no_earlier_than_there_are_transactions(algorithm: str) -> None:
    """Of a window of 400 days its last quarter is longer than all that there is to learn from."""
    given, plan = rows().between(5 * DAY_MS, DAYS * DAY_MS), replace(PLAN, algorithm=algorithm)

    long, fitting = (train(given, start * DAY_MS, END * DAY_MS, plan) for start in (END - 400, 5))

    assert long.bundle.manifest.window == fitting.bundle.manifest.window
    assert long.bundle.manifest.metrics == fitting.bundle.manifest.metrics
    assert (long.judged is None) == (fitting.judged is None) == (algorithm == "isolation_forest")


@pytest.mark.parametrize("hours", [0, 1, 23])
def test_a_pause_at_its_beginning_makes_a_window_no_shorter(hours: int) -> None:
    given = rows().between(5 * DAY_MS + hours * DAY_MS // 24, DAYS * DAY_MS)

    manifest = train(given, 5 * DAY_MS, END * DAY_MS, PLAN).bundle.manifest

    assert manifest.window.start.timestamp() * 1_000 == 5 * DAY_MS
