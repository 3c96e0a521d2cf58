"""What an algorithm that learns from labels has to offer, for those of this project and for yours.

One is an `Algorithm` that the entry point group `fraudstream.algorithms` names; docs/models.md shows an
example.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud_core.errors import ConfigError
from fraud_core.models.inputs import Floats
from fraud_trainer.hyperparameters import Supervised

GROUP = "fraudstream.algorithms"


@dataclass(frozen=True)
class Examples:
    """What is learned from.

    Attributes:
        inputs: shape (transactions, inputs), NaN is unknown.
        frauds: which are frauds, shape (transactions,); both kinds are there.
        weights: how many transactions each stands for.
        names: of the inputs.
    """

    inputs: Floats
    frauds: NDArray[np.bool_]
    weights: Floats
    names: tuple[str, ...]


@dataclass(frozen=True)
class Algorithm:
    """A kind of classifier.

    Attributes:
        hyperparameters: pydantic model of the hyperparameters, with defaults.
        fit: from examples, hyperparameters and a seed to a fitted estimator with `classes_` and
            `predict_proba`. The same arguments must give the same estimator. It is pickled: its class must
            be importable where the detector runs.
    """

    hyperparameters: type[Supervised]
    fit: Callable[[Examples, Any, int], Any]


def plugged_in(name: str) -> Algorithm:
    """The algorithm that an installed package offers under this name.

    Raises:
        ConfigError: there is none, or it is no `Algorithm`.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise KeyError(name)
    algorithm = found[name].load()
    if not isinstance(algorithm, Algorithm):
        raise ConfigError(
            f"The entry point {name} of the group {GROUP} ({found[name].value}) is no "
            "fraud_trainer.algorithm.Algorithm. Correct the package that brings it."
        )
    return algorithm


def plugged_in_names() -> list[str]:
    """Names of the algorithms that installed packages offer."""
    return sorted(entry.name for entry in entry_points(group=GROUP))
