"""From a verified bundle to a model that scores."""

import io
import platform
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any

import joblib
import numpy as np
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from fraud_core.errors import BundleError, RulesDifferError
from fraud_core.models import classifier, credible, ensemble
from fraud_core.models.bundle import Bundle
from fraud_core.models.loaded import LoadedModel, RawScorer
from fraud_core.models.manifest import Manifest
from fraud_core.signals import Signal, input_names

Rows = np.ndarray[Any, np.dtype[np.int64]]
_SCORERS: dict[str, Callable[[Any, Rows], RawScorer]] = {
    "isolation_forest": credible.raw_scorer,
    "random_forest": classifier.raw_scorer,
    "extra_trees": classifier.raw_scorer,
    "hist_gradient_boosting": classifier.raw_scorer,
    "logistic_regression": classifier.raw_scorer,
    "ensemble": ensemble.raw_scorer,
}
PLUGINS = "fraudstream.algorithms"
"""Entry point group of the algorithms that other packages bring; all of these are classifiers."""
_COMPARED = {"python": 1, "numpy": 1, "scikit-learn": 2}
"""How many parts of a version must agree: scikit-learn's minor releases do not read each other's pickles."""


def running_versions() -> dict[str, str]:
    """Versions here of what reads a pickle."""
    return {
        "python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__,
    }  # fmt: skip


def load(bundle: Bundle, where: str = "the bundle", signals: Sequence[Signal] = ()) -> LoadedModel:
    """Check the bundle against this installation, unpickle its model and make it ready.

    `signals` are those that it will be told of, after the features and in this order.

    Unpickling runs what the pickle says: the bundle's digests must have been verified before.

    Raises:
        BundleError: another version wrote it, it reads unknown features, or it is not what it says.
        RulesDifferError: it reads rules that are not among `signals`.
    """
    manifest = bundle.manifest
    scorer = _scorer(manifest.algorithm, where)
    _check_versions(manifest, where)
    _check_signals(manifest, signals, where)
    inputs = input_names(signals if manifest.signals else ())
    rows = _rows(manifest, inputs, where)
    fitted = _unpickled(bundle.model, where)
    try:
        raw, members = scorer(fitted, rows), ensemble.alone(fitted, rows)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise BundleError(
            f"{where} is no {manifest.algorithm} as this version makes them: {error}. "
            "Train and publish the model again."
        ) from error
    usual = manifest.reference
    if usual and tuple(usual.features) != manifest.features:
        raise BundleError(
            f"{where} says what is usual of other features than it reads. Train and publish the model again."
        )
    return LoadedModel(manifest, bundle.sha256, raw, manifest.score_map.arrays(), members, inputs)


def _scorer(algorithm: str, where: str) -> Callable[[Any, Rows], RawScorer]:
    if algorithm in _SCORERS:
        return _SCORERS[algorithm]
    plugged_in = {entry.name for entry in entry_points(group=PLUGINS)}
    if algorithm in plugged_in:
        return classifier.raw_scorer
    known = ", ".join([*_SCORERS, *sorted(plugged_in)])
    raise BundleError(
        f"{where} holds a model of kind {algorithm}; this version knows {known}. "
        "Update the detector, install the package that brings this kind, or train another."
    )


def _check_versions(manifest: Manifest, where: str) -> None:
    trained = {"python": manifest.python, **manifest.libraries}
    for name, running in running_versions().items():
        parts = _COMPARED[name]
        if trained.get(name, "").split(".")[:parts] != running.split(".")[:parts]:
            raise BundleError(
                f"{where} was made with {name} {trained.get(name, 'of unknown version')}, and {running} runs "
                "here. Train the model with the version that the detector runs."
            )


def _check_signals(manifest: Manifest, signals: Sequence[Signal], where: str) -> None:
    """See that each rule that it reads is one of those here, and says what it said in training."""
    here = {signal.rule: signal.digest for signal in signals}
    for rule, digest in manifest.signals.items():
        if rule not in here:
            raise RulesDifferError(
                f"{where} reads whether the rule {rule} fired, and there is no such rule with action "
                f"`signal` here. Put it into the rule file again (its expression had the digest {digest}), "
                "or train without it."
            )
        if here[rule] != digest:
            raise RulesDifferError(
                f"{where} reads whether the rule {rule} fired, and its expression is another one here: its "
                f"digest is {here[rule]}, and was {digest} in training. Put the old expression back and give "
                "the new one a name of its own, or train on what the new one says."
            )


def _rows(manifest: Manifest, inputs: tuple[str, ...], where: str) -> Rows:
    known = {name: row for row, name in enumerate(inputs)}
    if missing := [name for name in manifest.features if name not in known]:
        raise BundleError(
            f"{where} reads the features {', '.join(missing)}, which this version does not compute. "
            "Update the detector, or train without them."
        )
    return np.array([known[name] for name in manifest.features], dtype=np.int64)


def _unpickled(model: bytes, where: str) -> Any:  # noqa: ANN401 - a pickle holds anything
    try:
        with warnings.catch_warnings():
            # Versions were compared above, and more to the point.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            return joblib.load(io.BytesIO(model))
    except Exception as error:
        raise BundleError(
            f"{where} can't be unpickled, though its digest is right: {type(error).__name__}: {error}. "
            "Train the model with the versions that the detector runs."
        ) from error
