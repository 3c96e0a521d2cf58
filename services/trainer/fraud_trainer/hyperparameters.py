"""Hyperparameters by name, checked before anything is computed."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud_core.errors import ConfigError

Value = int | float | str | bool | None
Trees = Annotated[int, Field(ge=1, le=1_000)]
Share = Annotated[float, Field(gt=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=100)]
Model = TypeVar("Model", bound=BaseModel)


class Hyperparameters(BaseModel):
    """Base of the hyperparameters of each algorithm."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class IsolationForestHyperparameters(Hyperparameters):
    """Those of `sklearn.ensemble.IsolationForest`, with defaults that suit transactions.

    Attributes:
        n_estimators: trees.
        max_samples: transactions that each tree is grown on; also sets the trees' depth.
        max_features: share of the features that each tree sees.
        bootstrap: whether a tree's transactions are drawn with replacement.
        surprise: whether it counts how rare it is to be so far out, in all ways and in one alone.
        merchant_evidence: whether a merchant's known frauds count as far as they can't be chance.
        reach: power with which distances from what is usual count; 0 leaves oddness to the forest alone.
        merchant_risk: whether the merchant's smoothed rate of frauds counts beside oddness, as it stands.
        odd_from: with it, the rank from which a transaction counts as odd.
    """

    n_estimators: Trees = 100
    max_samples: Annotated[int, Field(ge=2, le=8_192)] = 512
    max_features: Share = 1.0
    bootstrap: bool = False
    surprise: bool = False
    merchant_evidence: bool = False
    reach: Annotated[float, Field(ge=0, le=8)] = 0.0
    merchant_risk: bool = False
    odd_from: Annotated[float, Field(ge=0, lt=1)] = 0.99


OLDER_WAY = ("reach", "merchant_risk", "odd_from")
"""Hyperparameters of an isolation_forest that `surprise` and `merchant_evidence` replace."""


class Supervised(Hyperparameters):
    """What all that learn from labels have in common.

    Attributes:
        legitimate_per_fraud: so many legitimate transactions a fraud are learned from, half of them those
            that most resemble fraud, the rest drawn at random and weighted up; all frauds are learned from.
    """

    legitimate_per_fraud: Annotated[float, Field(ge=1, le=10_000)] = 30.0


class ForestHyperparameters(Supervised):
    """Those of `sklearn.ensemble.RandomForestClassifier`, which stand for `ExtraTreesClassifier` too.

    Attributes:
        n_estimators: trees.
        min_samples_leaf: fewest transactions of a leaf.
        max_features: share of the inputs that each split chooses from.
        max_depth: most levels; null for no limit.
    """

    n_estimators: Trees = 100
    min_samples_leaf: Annotated[int, Field(ge=1, le=100_000)] = 3
    max_features: Share = 0.4
    max_depth: Annotated[int, Field(ge=1, le=64)] | None = None


class BoostingHyperparameters(Supervised):
    """Those of `sklearn.ensemble.HistGradientBoostingClassifier`.

    Attributes:
        max_iter: trees.
        learning_rate: shrinks what each tree adds.
        max_leaf_nodes: most leaves of a tree.
        min_samples_leaf: fewest transactions of a leaf.
        l2_regularization: of the leaves' values.
        max_features: share of the inputs that each split chooses from.
    """

    max_iter: Trees = 100
    learning_rate: Share = 0.05
    max_leaf_nodes: Annotated[int, Field(ge=2, le=1_024)] = 15
    min_samples_leaf: Annotated[int, Field(ge=1, le=100_000)] = 20
    l2_regularization: Annotated[float, Field(ge=0)] = 10.0
    max_features: Share = 0.5


class LogisticHyperparameters(Supervised):
    """Those of `sklearn.linear_model.LogisticRegression`.

    Attributes:
        C: inverse strength of the regularization.
        max_iter: most iterations.
        one_way: whether the number, rate and age of known frauds may speak for fraud only.
    """

    C: Annotated[float, Field(gt=0)] = 0.1
    max_iter: Annotated[int, Field(ge=1, le=10_000)] = 300
    one_way: bool = False


class EnsembleHyperparameters(Supervised):
    """Which models are blended, and how much the log-odds of each weigh; a weight of 0 leaves one out.

    Attributes:
        random_forest: weight of a random forest.
        extra_trees: weight of extremely randomized trees.
        hist_gradient_boosting: weight of boosted trees.
        logistic_regression: weight of a logistic regression.
        isolation_forest: weight of an Isolation Forest.
        n_estimators: trees of each forest.
        max_iter: boosted trees.
        one_way: whether to the regression the number, rate and age of known frauds may speak for fraud only.
    """

    random_forest: Weight = 0.0
    extra_trees: Weight = 1.0
    hist_gradient_boosting: Weight = 1.0
    logistic_regression: Weight = 0.25
    isolation_forest: Weight = 0.0
    n_estimators: Trees = 100
    max_iter: Trees = 100
    one_way: bool = True


def checked(algorithm: str, kind: type[Model], given: Mapping[str, Value] | None = None) -> Model:
    """The hyperparameters with defaults for those not given.

    Raises:
        ConfigError: a name or a value is not allowed; says which are.
    """
    try:
        return kind.model_validate(dict(given or {}))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        names = ", ".join(kind.model_fields)
        raise ConfigError(
            f"These hyperparameters of {algorithm} can't be used: {faults}. There are {names}."
        ) from None


def isolation_forest(given: Mapping[str, Value] | None = None) -> IsolationForestHyperparameters:
    """Those of an Isolation Forest.

    Raises:
        ConfigError: a name or a value is not allowed; says which are.
    """
    chosen = checked("isolation_forest", IsolationForestHyperparameters, given)
    if (chosen.surprise or chosen.merchant_evidence) and (chosen.reach or chosen.merchant_risk):
        raise ConfigError(
            "An isolation_forest weighs what is beside it by surprise and merchant_evidence, or the older "
            "way by reach and merchant_risk, and not both ways at once; set one pair."
        )
    return chosen
