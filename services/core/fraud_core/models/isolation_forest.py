"""The Isolation Forest of a bundle: what its pipeline looks like, and how the detector reads it.

`model.joblib` holds a scikit-learn pipeline of three steps: `shape` (`inputs.shape_inputs`), `impute` (a
value for each unknown) and `forest`. It can be loaded and asked by anyone; the detector reads its numbers
out and gives the same answers a thousand times faster.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from fraud_core.models.forest import Forest, from_sklearn, raw_scores
from fraud_core.models.inputs import Preparation, prepare, shape_inputs
from fraud_core.models.loaded import RawScorer

ALGORITHM = "isolation_forest"
TUTORIAL_BOUNDARY = 0.5
"""`predict` gives -1 where the raw output is above."""


def pipeline(
    forest: IsolationForest, logged: tuple[bool, ...], low: tuple[float, ...], high: tuple[float, ...]
) -> Pipeline:
    """The pipeline, to be fitted on values of shape (transactions, features) with NaN for unknown."""
    limits = {"logged": logged, "low": low, "high": high}
    return Pipeline(
        [
            ("shape", FunctionTransformer(shape_inputs, kw_args=limits)),
            ("impute", SimpleImputer(strategy="median")),
            ("forest", forest),
        ]
    )


def raw_scorer(fitted: Pipeline, rows: NDArray[np.int64]) -> RawScorer:
    """Raw output for matrices of all features; `rows` are those that the pipeline reads, in its order.

    Raises:
        ValueError: this is no such pipeline.
    """
    preparation, arrays = opened(fitted, rows)
    return lambda values: raw_scores(arrays, prepare(values, preparation))


def opened(fitted: Pipeline, rows: NDArray[np.int64]) -> tuple[Preparation, Forest]:
    """The pipeline's numbers: how it makes inputs of features, and its trees.

    Raises:
        ValueError: this is no such pipeline.
    """
    if not isinstance(fitted, Pipeline) or list(fitted.named_steps) != ["shape", "impute", "forest"]:
        raise ValueError("it is not a pipeline of the steps shape, impute and forest")
    shape, impute, forest = (step for _, step in fitted.steps)
    limits = shape.kw_args
    preparation = Preparation(
        rows=rows,
        logged=np.array(limits["logged"], dtype=np.bool_),
        low=np.array(limits["low"], dtype=np.float64),
        high=np.array(limits["high"], dtype=np.float64),
        fill=np.array(impute.statistics_, dtype=np.float64),
    )
    if len({forest.n_features_in_, *(len(array) for array in vars(preparation).values())}) > 1:
        # The compiled loops check no index: they would read beyond an array's end.
        raise ValueError(f"it reads {forest.n_features_in_} features, and the manifest names {len(rows)}")
    return preparation, from_sklearn(forest)
