"""What a bundle says of itself. The manifest pins the model by digest, and the bundle is known by its own."""

import hashlib
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from fraud_core.errors import BundleError
from fraud_core.models.calibration import Calibration
from fraud_core.models.reference import Reference
from fraud_core.models.score_map import ScoreMap
from fraud_core.signals import PREFIX

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
IDENTITY_LENGTH = 12


class Window(BaseModel):
    """A span of event time, UTC.

    Attributes:
        start: first instant.
        end: first instant after it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError("a window ends after it starts")
        return self


class Manifest(BaseModel):
    """`manifest.json`.

    Attributes:
        format: of this file.
        algorithm: kind of the model.
        version: identity of the bundle: algorithm and a digest of all else that is said here.
        features: what the model reads, in its order; `rule:` and a name is whether that rule fired.
        dropped_features: asked for, but without a value in what was learned from; or signals that are unknown
            of more than half of what the model, or that of the forward block, was fitted to.
        hyperparameters: as trained, defaults included.
        signals: digests of the expressions of the rules that it reads, by name; missing where it reads none.
        threshold: the model alerts from this score on.
        threshold_rule: `tutorial` for exactly scikit-learn's `predict == -1`, `costs` for the least that
            is to be expected, or the alert budget as a share.
        score_map: from raw output to score.
        calibration: from score to probability of fraud; null where no labels were learned from.
        reference: what was usual in the training window; missing in older bundles.
        window: event time that the model was trained on.
        data_until: event time at which the data ends that training and validation saw.
        counts: rows by use.
        metrics: on the validation window; shares and scores between 0 and 1, but for names in `_us`.
        python: version that the model was pickled with.
        libraries: versions of what reads the pickle.
        model_sha256: digest of `model.joblib`.
        parent_version: the version that this one was trained to replace.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[1] = 1
    algorithm: str = Field(pattern="^[a-z][a-z0-9_]*$")
    version: str = ""
    features: tuple[str, ...] = Field(min_length=1)
    dropped_features: tuple[str, ...] = ()
    signals: dict[str, str] = Field(default_factory=dict)
    hyperparameters: dict[str, int | float | str | bool | None]
    threshold: float = Field(gt=0, lt=1)
    threshold_rule: Literal["tutorial", "costs"] | float
    score_map: ScoreMap
    calibration: Calibration | None = None
    reference: Reference | None = None
    window: Window
    data_until: AwareDatetime
    counts: dict[str, int]
    metrics: dict[str, float]
    python: str
    libraries: dict[str, str]
    model_sha256: Digest
    parent_version: str | None = None

    @model_validator(mode="after")
    def _with_digests(self) -> Self:
        read = {name.removeprefix(PREFIX) for name in self.features if name.startswith(PREFIX)}
        if read != set(self.signals):
            raise ValueError("signals must have the digest of each rule that features name, and no other")
        return self

    @model_serializer(mode="wrap")
    def _without_what_was_not_there(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """An older bundle keeps its bytes, and so its digest."""
        content: dict[str, Any] = handler(self)
        if self.reference is None:
            del content["reference"]
        if not self.signals:
            del content["signals"]
        return content

    def to_bytes(self) -> bytes:
        """The file's content."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    def identified(self) -> Self:
        """The same with its version filled in.

        The version covers the threshold and the score map too, not only the pickle: two bundles that decide
        differently never share a name.
        """
        digest = hashlib.sha256(self.model_copy(update={"version": ""}).to_bytes()).hexdigest()
        return self.model_copy(update={"version": f"{self.algorithm}-{digest[:IDENTITY_LENGTH]}"})


def parse_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in a file's content.

    Raises:
        BundleError: it is none, or says what no manifest says.
    """
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)[:5]
        )
        raise BundleError(
            f"{where} is no manifest that this version understands: {faults}. "
            "Train and publish the model again."
        ) from None
