"""Models that learn from labels: what their pipeline looks like, and how their probability of fraud is asked.

`model.joblib` holds a scikit-learn pipeline of two steps: `inputs` (`derived.with_derived`) and
`classifier`, any estimator of two classes with `predict_proba`. Trees of scikit-learn's are read out and
walked by compiled code; other estimators are asked as they are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from fraud_core.models import trees
from fraud_core.models.derived import with_derived
from fraud_core.models.inputs import Floats
from fraud_core.models.loaded import RawScorer
from fraud_core.models.odds import linear, logistic

Probability = Callable[[Floats], Floats]
"""Probability of fraud for inputs of shape (rows, inputs)."""
_CLASSES = 2


def pipeline(classifier: Any, features: tuple[str, ...], derived: tuple[str, ...]) -> Pipeline:  # noqa: ANN401 - any estimator
    """The pipeline, to be fitted on values of shape (transactions, features) with NaN for unknown."""
    names = {"features": features, "derived": derived}
    return Pipeline(
        [("inputs", FunctionTransformer(with_derived, kw_args=names)), ("classifier", classifier)]
    )


def raw_scorer(fitted: Pipeline, rows: NDArray[np.int64]) -> RawScorer:
    """Probability of fraud for matrices of all features; `rows` are those that the pipeline reads, in order.

    Raises:
        ValueError: this is no such pipeline.
    """
    if not isinstance(fitted, Pipeline) or list(fitted.named_steps) != ["inputs", "classifier"]:
        raise ValueError("it is not a pipeline of the steps inputs and classifier")
    names = fitted.named_steps["inputs"].kw_args
    if len(names["features"]) != len(rows):
        raise ValueError(f"it reads {len(names['features'])} features, and the manifest names {len(rows)}")
    width = len(names["features"]) + len(names["derived"])
    probability = probability_of(fitted.named_steps["classifier"], width)
    return lambda values: probability(with_derived(values[rows].T, **names))


def probability_of(classifier: Any, width: int) -> Probability:  # noqa: ANN401 - any estimator
    """How this fitted estimator of `width` inputs is asked, by the fastest way that gives its own numbers.

    Raises:
        ValueError: it does not tell two classes apart.
    """
    if len(classifier.classes_) != _CLASSES:
        raise ValueError(f"it tells {len(classifier.classes_)} classes apart, and fraud needs two")
    if isinstance(classifier, Pipeline) and type(classifier[-1]) is LogisticRegression:
        return _regression(classifier)
    arrays = None
    if type(classifier) in {RandomForestClassifier, ExtraTreesClassifier}:
        arrays = trees.of_forest(classifier)
    elif type(classifier) is HistGradientBoostingClassifier:
        arrays = trees.of_boosting(classifier)
    if arrays is None:
        return lambda inputs: np.asarray(classifier.predict_proba(inputs)[:, 1], dtype=np.float64)
    trees.check(arrays, width)
    return lambda inputs: trees.fraud_probability(arrays, inputs)


def _regression(classifier: Pipeline) -> Probability:
    """A logistic regression, whose sums scikit-learn would compute differently in another batch."""
    prepared, regression = classifier[:-1], classifier[-1]
    weights, constant = np.ascontiguousarray(regression.coef_[0]), float(regression.intercept_[0])
    return lambda inputs: logistic(
        linear(np.ascontiguousarray(prepared.transform(inputs)), weights, constant)
    )
