"""Hyperparameters by name, checked before anything is computed."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud_core.errors import ConfigError

Value = int | float | str | bool | None


class IsolationForestHyperparameters(BaseModel):
    """Those of `sklearn.ensemble.IsolationForest`, with defaults that suit transactions.

    Attributes:
        n_estimators: trees.
        max_samples: transactions that each tree is grown on; also sets the trees' depth.
        max_features: share of the features that each tree sees.
        bootstrap: whether a tree's transactions are drawn with replacement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    n_estimators: Annotated[int, Field(ge=1, le=1_000)] = 100
    max_samples: Annotated[int, Field(ge=2, le=8_192)] = 512
    max_features: Annotated[float, Field(gt=0, le=1)] = 1.0
    bootstrap: bool = False


def isolation_forest(given: Mapping[str, Value] | None = None) -> IsolationForestHyperparameters:
    """The hyperparameters with defaults for those not given.

    Raises:
        ConfigError: a name or a value is not allowed; says which are.
    """
    try:
        return IsolationForestHyperparameters.model_validate(dict(given or {}))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        names = ", ".join(IsolationForestHyperparameters.model_fields)
        raise ConfigError(
            f"These hyperparameters of isolation_forest can't be used: {faults}. There are {names}."
        ) from None
