import io
import subprocess
import sys
from typing import Any

import joblib
import numpy as np
import pytest

from fraud_core.errors import ConfigError, InputError
from fraud_core.models import LoadedModel
from fraud_core.models.loading import load
from fraud_core.schemas import feature_names
from fraud_trainer.inputs import DEFAULT_FEATURES, READINGS
from fraud_trainer.isolation_forest import Threshold, Validation, train
from tests.support.bundles import FEATURES, WINDOW, feature_values, small_bundle

DIGEST = "from tests.support.bundles import small_bundle as b; print(b().sha256, b('tutorial').sha256)"


def loaded(threshold: Threshold = 0.01) -> LoadedModel:
    return load(small_bundle(threshold))


def trained(rows: int = 300, **changes: Any) -> LoadedModel:
    arguments: dict[str, Any] = {
        "validation": Validation(feature_values(300, seed=2)),
        "window": WINDOW,
        "hyperparameters": {"n_estimators": 5},
    }
    return load(train(feature_values(rows, seed=1), feature_names(), **{**arguments, **changes}))


def test_every_feature_has_its_reading() -> None:
    assert tuple(READINGS) == feature_names()
    assert set(DEFAULT_FEATURES) <= set(READINGS)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_trains_the_same_bytes(hash_seed: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", DIGEST], check=True, capture_output=True, text=True,
        env={"PYTHONHASHSEED": hash_seed, "HOME": "/nonexistent"},
    ).stdout.split()  # fmt: skip

    assert told == [small_bundle().sha256, small_bundle("tutorial").sha256]


def test_versions_name_what_decides() -> None:
    by_budget, by_tutorial = small_bundle(), small_bundle("tutorial")

    assert by_budget.model == by_tutorial.model
    assert by_budget.version != by_tutorial.version
    assert by_budget.version.startswith("isolation_forest-")


def test_the_detectors_scores_order_as_the_pipelines_own() -> None:
    values = feature_values(2_000, seed=3)
    pipeline = joblib.load(io.BytesIO(small_bundle().model))
    rows = [feature_names().index(name) for name in FEATURES]

    riskier = np.argsort(loaded().score(values), kind="stable")

    np.testing.assert_array_equal(riskier, np.argsort(-pipeline.score_samples(values[rows].T), kind="stable"))


def test_a_row_scores_the_same_bits_alone_and_in_a_batch() -> None:
    values, model = feature_values(600, seed=3), loaded()

    alone = [model.score(values[:, [row]])[0] for row in range(values.shape[1])]

    assert model.score(values).tolist() == alone


def test_a_score_is_a_rank_within_the_validation_window() -> None:
    scores = loaded().score(feature_values(1_000, seed=2))

    assert [(scores >= rank).mean() for rank in (0.5, 0.9, 0.99)] == pytest.approx([0.5, 0.1, 0.01], abs=0.01)


def test_unknown_values_score_without_fail_whatever_is_unknown() -> None:
    values = np.full((len(feature_names()), 1), np.nan)

    assert 0.0 < loaded().score(values)[0] < 1.0


@pytest.mark.parametrize("extreme", [0.0, 1e308, np.inf, -np.inf])
def test_extreme_values_score_within_bounds(extreme: float) -> None:
    values = np.full((len(feature_names()), 1), extreme)

    assert 0.0 < loaded().score(values)[0] < 1.0


def test_alerts_keep_the_budget_on_the_validation_window() -> None:
    model = loaded(0.01)

    alerts = model.score(feature_values(1_000, seed=2)) >= model.threshold

    assert alerts.sum() == 10
    assert model.manifest.metrics["alert_rate_model"] == 0.01


def test_the_tutorials_threshold_alerts_exactly_where_predict_gives_minus_1() -> None:
    values, model = feature_values(20_000, seed=3), loaded("tutorial")
    pipeline = joblib.load(io.BytesIO(small_bundle("tutorial").model))
    rows = [feature_names().index(name) for name in FEATURES]

    alerts = model.score(values) >= model.threshold

    np.testing.assert_array_equal(alerts, pipeline.predict(values[rows].T) == -1)
    assert 0 < alerts.sum() < len(alerts)


def test_a_feature_that_was_never_known_is_dropped_and_listed() -> None:
    values = feature_values(300, seed=1)
    values[feature_names().index("session_seconds")] = np.nan

    bundle = train(
        values, feature_names(), validation=Validation(feature_values(300, seed=2)), window=WINDOW,
        features=("amount", "session_seconds"),
    )  # fmt: skip

    assert bundle.manifest.features == ("amount",)
    assert bundle.manifest.dropped_features == ("session_seconds",)


def test_the_budget_is_shared_with_the_rules() -> None:
    by_rule = np.zeros(300, dtype=bool)
    by_rule[:6] = True

    model = trained(validation=Validation(feature_values(300, seed=2), by_rule), threshold=0.04)

    assert model.manifest.metrics["alert_rate_rules"] == 0.02
    assert 0.02 < model.manifest.metrics["alert_rate_union"] <= 0.04


def test_labels_give_metrics_and_change_nothing_else() -> None:
    values = feature_values(300, seed=2)
    frauds = values[0] > np.quantile(values[0], 0.95)

    with_labels, without = trained(validation=Validation(values, frauds=frauds)).manifest, trained().manifest

    assert 0.0 < with_labels.metrics["average_precision"] <= 1.0
    assert with_labels.counts["validation_frauds"] == 15
    assert with_labels.model_sha256 == without.model_sha256
    assert with_labels.threshold == without.threshold


def test_the_manifest_says_how_it_was_made() -> None:
    manifest = small_bundle().manifest

    assert manifest.hyperparameters == {
        "n_estimators": 10, "max_samples": 512, "max_features": 1.0, "bootstrap": False, "seed": 0,
        "reach": 0.0, "merchant_risk": False, "odd_from": 0.99,
    }  # fmt: skip
    assert manifest.counts == {"training": 1_000, "validation": 1_000}
    assert (manifest.window, manifest.data_until) == (WINDOW, WINDOW.end)
    assert manifest.threshold_rule == 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"hyperparameters": {"n_trees": 5}},
            "n_trees = 5: Extra inputs.*There are n_estimators, max_samples",
        ),
        ({"hyperparameters": {"n_estimators": 0}}, "n_estimators = 0: Input should be greater than or equal"),
        (
            {"hyperparameters": {"max_samples": "auto"}},
            "max_samples = 'auto': Input should be a valid integer",
        ),
        ({"features": ("shoe_size",)}, "There is no feature shoe_size. There are amount, "),
        ({"threshold": 0.0}, "an alert budget above 0 and below 1, or `tutorial`; not 0.0"),
    ],
)
def test_what_cannot_be_trained_is_explained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trained(**changes)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(InputError, match="The training window has 99 transactions, and at least 100"):
        trained(rows=99)
