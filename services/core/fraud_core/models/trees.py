"""Scores random forests and boosted trees: all trees in flat arrays, walked row by row by compiled code.

scikit-learn needs milliseconds a call, whatever the batch; this needs microseconds a row and gives the same
numbers. Trees that learned from labels are too deep to be padded, as `forest` pads those of an Isolation
Forest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.tree._tree import Tree

from fraud_core.kernels import array_kernel
from fraud_core.models.inputs import Floats
from fraud_core.models.odds import logistic

BLOCK = 128


@dataclass(frozen=True)
class Trees:
    """Fitted trees; node numbers count through all of them.

    Attributes:
        roots: node at which each tree begins.
        feature: input that a node compares, -1 for a leaf.
        threshold: a row goes left where its input is at most this.
        children: nodes to the left and to the right, shape (nodes, 2).
        missing_left: whether an unknown input goes left.
        value: what a leaf adds.
        base: what is added once.
        single: whether inputs are rounded to float32 first, as scikit-learn's forests do.
        logistic: whether the sum is a log-odds that becomes a probability.
    """

    roots: NDArray[np.int64]
    feature: NDArray[np.int32]
    threshold: Floats
    children: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: Floats
    base: float
    single: bool
    logistic: bool


def of_forest(estimator: RandomForestClassifier | ExtraTreesClassifier) -> Trees:
    """The arrays of a fitted forest of two classes, the second being fraud."""
    trees = [member.tree_ for member in estimator.estimators_]
    share = 1.0 / len(trees)
    return _joined([_of_tree(tree, share) for tree in trees], base=0.0, single=True, logistic=False)


def of_boosting(estimator: HistGradientBoostingClassifier) -> Trees:
    """The arrays of fitted boosted trees of two classes without categorical inputs.

    Raises:
        ValueError: it has categorical inputs or more classes.
    """
    if estimator.is_categorical_ is not None or estimator.n_trees_per_iteration_ != 1:
        raise ValueError("its trees have categorical inputs or more than two classes")
    nodes = [trees[0].nodes for trees in estimator._predictors]  # noqa: SLF001 - there is no public way to the trees
    base = float(estimator._baseline_prediction[0, 0])  # noqa: SLF001 - nor to where they begin
    return _joined([_of_nodes(tree) for tree in nodes], base=base, single=False, logistic=True)


def fraud_probability(trees: Trees, inputs: Floats) -> Floats:
    """Probability of fraud that the trees give, for inputs of shape (rows, inputs); NaN is unknown."""
    values = inputs.astype(np.float32).astype(np.float64) if trees.single else inputs
    sums = _walk(
        np.ascontiguousarray(values), trees.roots, trees.feature, trees.threshold, trees.children,
        trees.missing_left, trees.value,
    )  # fmt: skip
    sums += trees.base
    return logistic(sums) if trees.logistic else sums


def check(trees: Trees, inputs: int) -> None:
    """Compiled loops check no index, so a bundle's arrays are checked once.

    Raises:
        ValueError: a node names an input or a node that there is not, or leads to no leaf.
    """
    inner = trees.feature >= 0
    numbers = np.arange(trees.feature.size)[inner, None]
    children = trees.children[inner]
    if (trees.feature >= inputs).any() or (children <= numbers).any() or (children >= inner.size).any():
        raise ValueError(f"its trees read more than the {inputs} inputs, or are no trees")


def _of_tree(tree: Tree, share: float) -> dict[str, NDArray[Any]]:
    sums = tree.value[:, 0, :]
    return {
        "feature": np.where(tree.children_left < 0, -1, tree.feature),
        "threshold": tree.threshold,
        "children": np.stack([tree.children_left, tree.children_right], axis=1),
        "missing_left": tree.missing_go_to_left.astype(bool),
        "value": share * sums[:, 1] / sums.sum(axis=1),
    }


def _of_nodes(nodes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "feature": np.where(leaf, -1, nodes["feature_idx"]),
        "threshold": nodes["num_threshold"],
        "children": np.stack([nodes["left"], nodes["right"]], axis=1).astype(np.int64),
        "missing_left": nodes["missing_go_to_left"].astype(bool),
        "value": nodes["value"],
    }


def _joined(parts: list[dict[str, NDArray[Any]]], *, base: float, single: bool, logistic: bool) -> Trees:
    sizes = np.array([len(part["feature"]) for part in parts], dtype=np.int64)
    roots = np.cumsum(sizes) - sizes
    column = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    children = np.where(
        column["feature"][:, None] < 0, 0, column["children"] + np.repeat(roots, sizes)[:, None]
    )
    return Trees(
        roots=roots,
        feature=column["feature"].astype(np.int32),
        threshold=column["threshold"].astype(np.float64),
        children=children.astype(np.int32),
        missing_left=column["missing_left"],
        value=column["value"].astype(np.float64),
        base=base,
        single=single,
        logistic=logistic,
    )


@array_kernel
def _walk(
    inputs: Floats, roots: NDArray[np.int64], feature: NDArray[np.int32], threshold: Floats,
    children: NDArray[np.int32], missing_left: NDArray[np.bool_], value: Floats,
) -> Floats:  # fmt: skip
    rows = inputs.shape[0]
    sums = np.zeros(rows)
    for start in range(0, rows, BLOCK):
        # Block by block, so that a tree is in the cache for many rows.
        for root in roots:
            for row in range(start, min(start + BLOCK, rows)):
                node = root
                while feature[node] >= 0:
                    read = inputs[row, feature[node]]
                    left = missing_left[node] if np.isnan(read) else read <= threshold[node]
                    node = np.int64(children[node, 0 if left else 1])
                sums[row] += value[node]
    return sums
