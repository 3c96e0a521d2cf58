import io
import subprocess
import sys
from typing import Any

import joblib
import numpy as np
import pytest

from fraud_core.errors import ConfigError, InputError
from fraud_core.models import LoadedModel
from fraud_core.models.credible import CredibleForest, raw_scorer
from fraud_core.models.evidence import MERCHANT
from fraud_core.models.inputs import Floats
from fraud_core.models.loading import load
from fraud_core.models.score_map import apply
from fraud_core.schemas import feature_names
from fraud_trainer.inputs import DEFAULT_FEATURES, READINGS
from fraud_trainer.isolation_forest import Threshold, Validation, train
from fraud_trainer.training import DAY_MS, Plan
from fraud_trainer.training import train as train_on_rows
from tests.support.bundles import FEATURES, WINDOW, feature_values, small_bundle
from tests.support.signalling import DAYS, signalled

DIGEST = "from tests.support.bundles import small_bundle as b; print(b().sha256, b('tutorial').sha256)"


BY_EVIDENCE = {"n_estimators": 5, "surprise": True, "merchant_evidence": True}
OLDER_WAY = {"n_estimators": 5, "reach": 4.0, "merchant_risk": True}


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
        "surprise": False, "merchant_evidence": False, "reach": 0.0, "merchant_risk": False, "odd_from": 0.99,
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
        (
            {"hyperparameters": {"surprise": True, "reach": 4.0}},
            "by surprise and merchant_evidence, or the older way by reach and merchant_risk",
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


def with_merchants(rows: int, seed: int, frauds: float = 0.0) -> Floats:
    """Made-up transactions, each at a merchant of forty, with so many frauds among them as come."""
    values, random = feature_values(rows, seed), np.random.default_rng(seed)
    counted = np.minimum(random.poisson(frauds, rows), 40).astype(float)
    values[[feature_names().index(name) for name in MERCHANT]] = [
        (counted + 0.2) / 60.0, np.full(rows, 40.0), counted,
    ]  # fmt: skip
    return values


def test_noise_in_the_rates_of_merchants_leaves_the_order_to_oddness() -> None:
    model = trained(hyperparameters=BY_EVIDENCE)
    never, noise = with_merchants(500, seed=3), with_merchants(500, seed=3, frauds=1.0)
    chance = noise[feature_names().index("merchant_frauds_7d")] < 3

    assert 0.85 < chance.mean() < 1.0
    np.testing.assert_array_equal(model.score(noise)[chance], model.score(never)[chance])
    assert (model.score(noise)[~chance] > model.score(never)[~chance]).all()


def test_a_merchant_of_which_nothing_is_known_is_no_evidence() -> None:
    model = trained(hyperparameters=BY_EVIDENCE)
    never, unknown = with_merchants(500, seed=3), with_merchants(500, seed=3)
    unknown[[feature_names().index(name) for name in MERCHANT]] = np.nan

    np.testing.assert_array_equal(model.score(unknown), model.score(never))


def test_where_no_merchant_is_known_none_is_read() -> None:
    values = feature_values(300, seed=1)
    values[[feature_names().index(name) for name in MERCHANT]] = np.nan

    bundle = train(
        values, feature_names(), validation=Validation(values), window=WINDOW, hyperparameters=BY_EVIDENCE
    )

    assert set(bundle.manifest.features) == set(DEFAULT_FEATURES)
    assert len(np.unique(load(bundle).score(values))) > 290


@pytest.mark.parametrize(
    "hyperparameters",
    [
        BY_EVIDENCE,
        BY_EVIDENCE | {"surprise": False},
        BY_EVIDENCE | {"merchant_evidence": False},
        OLDER_WAY,
        OLDER_WAY | {"merchant_risk": False},
    ],
)
@pytest.mark.parametrize("extreme", [None, 0.0, 1e308, np.inf, -np.inf, np.nan])
def test_whatever_is_weighed_beside_the_forest_a_row_scores_the_same_bits_alone(
    hyperparameters: dict[str, Any], extreme: float | None
) -> None:
    model, values = trained(hyperparameters=hyperparameters), with_merchants(40, seed=3, frauds=3.0)
    if extreme is not None:
        values[:, ::2] = extreme

    alone = [model.score(values[:, [row]])[0] for row in range(values.shape[1])]

    assert model.score(values).tolist() == alone
    assert all(0.0 < score < 1.0 for score in alone)


def test_a_model_that_knows_nothing_of_evidence_scores_as_it_did() -> None:
    bundle = train(
        feature_values(300, seed=1), feature_names(), validation=Validation(feature_values(300, seed=2)),
        window=WINDOW, hyperparameters=OLDER_WAY,
    )  # fmt: skip
    pickled, values = joblib.load(io.BytesIO(bundle.model)), feature_values(300, seed=3)
    known = {name: vars(pickled)[name] for name in ("fitted", "far_out", "merchant")}
    older = CredibleForest.__new__(CredibleForest)
    vars(older).update(known)
    rows = np.array([feature_names().index(name) for name in bundle.manifest.features])

    raw = raw_scorer(older, rows)(values)

    np.testing.assert_array_equal(apply(raw, bundle.manifest.score_map.arrays()), load(bundle).score(values))


@pytest.mark.parametrize(
    ("given", "evidence", "older"),
    [
        ({}, (True, True), (0.0, False)),
        ({"merchant_evidence": False}, (True, False), (0.0, False)),
        ({"reach": 4.0, "merchant_risk": True}, (False, False), (4.0, True)),
        ({"reach": 0.0, "merchant_risk": False}, (False, False), (0.0, False)),
    ],
)
def test_on_a_history_evidence_is_weighed_where_the_older_way_is_not_asked_for(
    given: dict[str, Any], evidence: tuple[bool, bool], older: tuple[float, bool]
) -> None:
    plan = Plan("isolation_forest", {"n_estimators": 5, **given})

    found = train_on_rows(signalled(), 0, (DAYS - 1) * DAY_MS, plan).bundle.manifest.hyperparameters

    assert (found["surprise"], found["merchant_evidence"]) == evidence
    assert (found["reach"], found["merchant_risk"]) == older


def test_the_budget_is_of_the_traffic_that_rows_stand_for() -> None:
    values, weights = feature_values(400, seed=2), np.random.default_rng(1).integers(1, 9, 400)
    sample = Validation(values, np.arange(400) < 2, weights=weights.astype(np.float64))
    whole = Validation(np.repeat(values, weights, axis=1), np.repeat(np.arange(400) < 2, weights))

    one, other = (trained(validation=each, threshold=0.05).manifest for each in (sample, whole))

    assert (one.threshold, one.score_map, one.metrics) == (other.threshold, other.score_map, other.metrics)
    assert one.reference == other.reference


def test_rows_that_all_were_kept_of_are_no_more_usual_to_it_than_in_the_traffic() -> None:
    """Half of these rows are frauds, which are one in a hundred and one of the traffic."""
    weights = np.where(np.arange(2_000) % 2 == 0, 1.0, 100.0)

    learned = trained(2_000, weights=weights).manifest.counts["training"]

    assert 1_000 < learned < 1_030
    alike = trained(2_000, weights=np.full(2_000, 3.0)).manifest
    assert alike.model_sha256 == trained(2_000).manifest.model_sha256
