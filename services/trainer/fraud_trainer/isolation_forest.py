"""Trains the tutorial's model, an Isolation Forest, on features alone: no labels needed."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import joblib
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import Pipeline

from fraud_core.errors import ConfigError, InputError
from fraud_core.models.bundle import Bundle, digest
from fraud_core.models.credible import (
    RISK,
    CredibleForest,
    MerchantRisk,
    combined,
    far_out,
    oddness,
    raw_scorer,
)
from fraud_core.models.evidence import MERCHANT, MerchantEvidence, surprise
from fraud_core.models.inputs import Floats, prepare
from fraud_core.models.isolation_forest import ALGORITHM, TUTORIAL_BOUNDARY, opened, pipeline
from fraud_core.models.loaded import RawScorer
from fraud_core.models.loading import running_versions
from fraud_core.models.manifest import Manifest, Window
from fraud_core.models.reference import reference
from fraud_core.models.score_map import ScoreMap, apply, fit, threshold_for
from fraud_trainer import hyperparameters as named
from fraud_trainer.evaluation import Mask, Names, against_labels, alert_shares
from fraud_trainer.inputs import DEFAULT_FEATURES, limits

Threshold = Literal["tutorial"] | float
Ints = np.ndarray[Any, np.dtype[np.int64]]
FEWEST_ROWS = 100
COMPRESSION = 3
PLAIN: Mapping[str, named.Value] = {
    "surprise": False, "merchant_evidence": False, "reach": 0.0, "merchant_risk": False,
}  # fmt: skip
BESIDE = {*PLAIN, "odd_from"}
"""Hyperparameters of what is weighed beside the forest."""


@dataclass(frozen=True)
class Validation:
    """The window that the score map, the threshold and the metrics come from.

    Attributes:
        values: shape (features, rows), features as in training.
        rule_alerts: rows that are alerts by a rule; they use up the alert budget.
        frauds: rows that are frauds, for metrics only.
        rules: names of the rules that make rows alerts, joined by commas, for metrics only.
        weights: how many transactions of the traffic each row stands for; None for one.
    """

    values: Floats
    rule_alerts: Mask | None = None
    frauds: Mask | None = None
    rules: Names | None = None
    weights: Floats | None = None


def train(
    values: Floats,
    feature_names: Sequence[str],
    *,
    validation: Validation,
    window: Window,
    data_until: datetime | None = None,
    features: Sequence[str] = DEFAULT_FEATURES,
    threshold: Threshold = 0.005,
    hyperparameters: Mapping[str, named.Value] | None = None,
    seed: int = 0,
    parent_version: str | None = None,
    weights: Floats | None = None,
) -> Bundle:
    """Train on one window, set scores and threshold on another. The same input gives the same bytes.

    Args:
        values: shape (features, rows), NaN is unknown.
        feature_names: names of the rows of `values`.
        validation: the later window, not trained on.
        window: event time of `values`.
        data_until: where the data ends, validation included; default: the end of `window`.
        features: names of those that the model shall read.
        threshold: share of the traffic that may be alerts, the rules' included; or `tutorial`, which alerts
            exactly where scikit-learn's `predict` gives -1.
        hyperparameters: by name; see `IsolationForestHyperparameters`.
        seed: of the forest.
        parent_version: the version that this one shall replace.
        weights: how many transactions each row of `values` stands for in the traffic; None for one. Of rows
            that stand for fewer than others only a share is learned from: to a forest all are alike.

    Raises:
        ConfigError: a hyperparameter, feature or threshold can't be.
        InputError: there are too few rows.
    """
    chosen = named.isolation_forest(hyperparameters)
    if threshold == "tutorial":  # which is what the forest says alone
        chosen = chosen.model_copy(update=PLAIN)
    _check(values, validation, threshold)
    learned = values if weights is None else values[:, _alike(weights, seed)]
    beside = MERCHANT if chosen.merchant_evidence else (RISK,)
    wanted = tuple(name for name in features if name not in beside)
    known, dropped = _split(learned, feature_names, wanted)
    fitted, rows = _fitted(learned, feature_names, known, chosen, seed)
    model, rows = _credible(fitted, learned, feature_names, rows, chosen)
    raw = raw_scorer(model, rows)
    boundary = TUTORIAL_BOUNDARY if threshold == "tutorial" else None
    score_map = fit(raw(validation.values), boundary, validation.weights)
    decided = _decided(raw, score_map, validation, threshold)
    content = _pickled(model)
    versions = running_versions()
    names = tuple(feature_names[row] for row in rows)
    return Bundle(
        Manifest(
            algorithm=ALGORITHM,
            features=names,
            dropped_features=dropped,
            hyperparameters={**chosen.model_dump(), "seed": seed},
            threshold=decided.threshold,
            threshold_rule=threshold,
            score_map=score_map,
            reference=reference(values[rows], names, decided.scores, weights, validation.weights),
            window=window,
            data_until=data_until or window.end,
            counts={"training": learned.shape[1], "validation": validation.values.shape[1], **decided.counts},
            metrics=decided.metrics,
            python=versions.pop("python"),
            libraries=versions,
            model_sha256=digest(content),
            parent_version=parent_version,
        ).identified(),
        content,
    )


def _alike(weights: Floats, seed: int) -> Ints | slice:
    """Rows that all stand for as many transactions: of each as large a share as it weighs."""
    if (weights == weights[0]).all():
        return slice(None)  # a view
    drawn = np.random.default_rng(seed).random(weights.size)
    return np.flatnonzero(drawn < weights / weights.max())


@dataclass(frozen=True)
class _Decided:
    threshold: float
    scores: Floats
    metrics: dict[str, float]
    counts: dict[str, int]


def _decided(raw: RawScorer, score_map: ScoreMap, validation: Validation, threshold: Threshold) -> _Decided:
    """The threshold, and what it leads to on the validation window."""
    knots = score_map.arrays()
    scores = apply(raw(validation.values), knots)
    if threshold == "tutorial":
        just_above = np.array([np.nextafter(TUTORIAL_BOUNDARY, 1.0)])
        limit = float(apply(just_above, knots)[0])
    else:
        limit = threshold_for(scores, threshold, validation.rule_alerts, validation.weights)
    alerts = scores >= limit
    metrics = alert_shares(alerts, validation.rule_alerts, validation.rules, validation.weights)
    if validation.frauds is None:
        return _Decided(limit, scores, metrics, {})
    metrics |= against_labels(scores, alerts, validation.frauds)
    return _Decided(limit, scores, metrics, {"validation_frauds": int(validation.frauds.sum())})


def _fitted(
    values: Floats,
    feature_names: Sequence[str],
    known: tuple[str, ...],
    chosen: named.IsolationForestHyperparameters,
    seed: int,
) -> tuple[Pipeline, Ints]:
    """The pipeline, and the rows of `values` that it reads."""
    rows = np.array([list(feature_names).index(name) for name in known], dtype=np.int64)
    given = chosen.model_dump(exclude=BESIDE)
    given["max_samples"] = min(chosen.max_samples, values.shape[1])
    columns = values[rows].T
    shaping = limits(columns, known)
    forest = IsolationForest(**given, random_state=seed)
    return pipeline(forest, shaping.logged, shaping.low, shaping.high).fit(columns), rows


def _credible(
    fitted: Pipeline,
    values: Floats,
    feature_names: Sequence[str],
    rows: Ints,
    chosen: named.IsolationForestHyperparameters,
) -> tuple[Pipeline | CredibleForest, Ints]:
    """The same with what is weighed beside the forest."""
    model = CredibleForest(fitted)
    if chosen.surprise or chosen.merchant_evidence:
        return _by_odds(model, values, feature_names, rows, chosen)
    if chosen.reach:
        preparation, _ = opened(fitted, rows)
        model = replace(model, far_out=far_out(prepare(values, preparation), chosen.reach))
    risk = list(feature_names).index(RISK) if RISK in feature_names else None
    if chosen.merchant_risk and risk is not None and not np.isnan(values[risk]).all():
        rank = fit(oddness(model, rows)(values))
        usual_rate = float(np.nanmedian(values[risk]))
        return replace(model, merchant=MerchantRisk(rank, chosen.odd_from, usual_rate)), np.append(rows, risk)
    return (model, rows) if model.far_out else (fitted, rows)


def _by_odds(
    model: CredibleForest,
    values: Floats,
    feature_names: Sequence[str],
    rows: Ints,
    chosen: named.IsolationForestHyperparameters,
) -> tuple[CredibleForest, Ints]:
    """The same with odds, of what is odd and of merchants."""
    if chosen.surprise:
        preparation, _ = opened(model.fitted, rows)
        model = replace(model, surprise=surprise(prepare(values, preparation)))
    odd, _ = combined(model, rows)(values)
    model = replace(model, rank=fit(odd))
    merchant = [list(feature_names).index(name) for name in MERCHANT if name in feature_names]
    if not chosen.merchant_evidence or len(merchant) < len(MERCHANT) or np.isnan(values[merchant]).all():
        return model, rows
    return replace(model, evidence=MerchantEvidence()), np.append(rows, merchant)


def _pickled(fitted: Pipeline | CredibleForest) -> bytes:
    file = io.BytesIO()
    joblib.dump(fitted, file, compress=COMPRESSION)
    return file.getvalue()


def _split(
    values: Floats, feature_names: Sequence[str], features: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The features that have values, and those that have none."""
    if unknown := [name for name in features if name not in feature_names]:
        raise ConfigError(f"There is no feature {', '.join(unknown)}. There are {', '.join(feature_names)}.")
    unique = tuple(dict.fromkeys(features))
    has = {name: not np.isnan(row).all() for name, row in zip(feature_names, values, strict=True)}
    known = tuple(name for name in unique if has[name])
    if not known:
        raise InputError("None of the features has a value in the training window; widen the window.")
    return known, tuple(name for name in unique if not has[name])


def _check(values: Floats, validation: Validation, threshold: Threshold) -> None:
    for name, rows in (("training", values), ("validation", validation.values)):
        if rows.shape[1] < FEWEST_ROWS:
            raise InputError(
                f"The {name} window has {rows.shape[1]} transactions, and at least {FEWEST_ROWS} are needed; "
                "widen it."
            )
    if threshold != "tutorial" and not 0 < threshold < 1:
        raise ConfigError(
            f"The threshold is an alert budget above 0 and below 1, or `tutorial`; not {threshold!r}."
        )
