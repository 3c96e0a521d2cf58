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


class Scenario(BaseModel):
    """One kind of fraud among the test rows.

    Attributes:
        frauds: how many.
        recall: share of them that the model alerts on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    frauds: int
    recall: float


class Evaluation(BaseModel):
    """Which rows figures come from that need labels: rows at the window's end whose truth is known.

    They are of a model like this one that was fitted to what comes before them.

    Attributes:
        label_delay_days: how long labels take.
        gap_days: between what that model learned from and what it was validated on.
        labels_known_in_time: whether it learned only from labels that were known when validation begins;
            otherwise from all that are known now.
        test_apart: whether figures are of other rows than those of calibration and threshold.
        validation_rows: what the calibration was fitted to; 0 where there were too few frauds to judge by.
        validation_frauds: frauds among them.
        test_rows: what the figures are of.
        test_frauds: frauds among them.
        kept: of transactions that are no frauds this share was kept, and each weighs its inverse in all
            figures; missing where all were.
        scenarios: by kind of fraud, where kinds are known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    label_delay_days: float
    gap_days: float
    labels_known_in_time: bool = True
    test_apart: bool = True
    validation_rows: int
    validation_frauds: int
    test_rows: int
    test_frauds: int
    kept: float | None = None
    scenarios: dict[str, Scenario] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _without_a_sample_that_was_not_drawn(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Manifests of before keep their bytes."""
        content: dict[str, Any] = handler(self)
        if self.kept is None:
            del content["kept"]
        return content

    def summary(self) -> str:
        """Which rows the figures are of, in a sentence; "" where there are none."""
        if not self.test_rows:
            return ""
        test = f"tested on {self.test_rows:,} rows with {self.test_frauds:,} frauds"
        validation = f"on {self.validation_rows:,} rows with {self.validation_frauds:,}"
        how = f"{validation}, {test}" if self.test_apart else f"and {test}"
        return f"Validated {how}, {self.gap_days:.3g} days after what the judged model learned from."

    def remarks(self) -> list[str]:
        """What a reader of the figures should know, in sentences; empty where all was as it should be."""
        if not self.test_rows:
            few = "too few frauds, or too few others whose truth is known,"
            where = "in the training window to judge by"
            return [f"There are {few} {where}; give it more days, or lower the label maturity."]
        said = []
        if self.gap_days < self.label_delay_days:
            said.append(
                "The training window is too short for a label delay between what the judged model learned "
                "from and what it was judged on; give it more days."
            )
        if not self.labels_known_in_time:
            said.append(
                "Too few labels were known in time, so the judged model learned from labels that came later: "
                "all figures may flatter."
            )
        if not self.test_apart:
            said.append(
                "There are too few frauds or others for test rows apart from those that calibration and "
                "threshold come from: alert rate, precision, recall and calibration may flatter."
            )
        if self.kept is not None:
            said.append(
                f"Of transactions that are no frauds {100 * self.kept:.3g}% were kept and weighed up. So "
                "there is no card_precision_at_100, which needs all of each user; for it, raise --max-rows "
                "or shorten the window."
            )
        return said


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
        metrics: shares and scores between 0 and 1. `alert_rate_model`, `_rules`, `_union` and those of each
            rule are of the rows that the threshold was set on; the others of the test rows, where there is
            an `evaluation`, and else of the same rows.
        evaluation: what the figures that need labels come from; missing in older bundles, and where no labels
            were learned from.
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
    evaluation: Evaluation | None = None
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
        if self.evaluation is None:
            del content["evaluation"]
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
