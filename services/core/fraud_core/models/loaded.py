"""A model that scores, for those who need not know how it was trained: without scikit-learn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fraud_core.models.inputs import Floats
from fraud_core.models.manifest import Manifest
from fraud_core.models.score_map import apply

RawScorer = Callable[[Floats], Floats]


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to score; may be used by several threads.

    Attributes:
        manifest: what its bundle says of it.
        sha256: digest of its bundle.
        members: what each member of an ensemble says alone, between 0 and 1.
    """

    manifest: Manifest
    sha256: str
    _raw: RawScorer = field(repr=False)
    _knots: tuple[Floats, Floats] = field(repr=False)
    members: Mapping[str, RawScorer] = field(default_factory=dict, repr=False)

    @property
    def version(self) -> str:
        """Identity of the bundle."""
        return self.manifest.version

    @property
    def threshold(self) -> float:
        """The model alerts when the score is at least this."""
        return self.manifest.threshold

    def score(self, values: Floats) -> Floats:
        """Risk ranks between 0 and 1, one a transaction, whatever else is in the batch.

        Args:
            values: all features in the order of `Decision.features`, shape (features, transactions); NaN is
                unknown. The model takes its own rows out of them.
        """
        return apply(self._raw(values), self._knots)

    def probabilities(self, scores: Floats) -> Floats | None:
        """Calibrated probabilities of fraud for scores of this model; None if it learned from no labels."""
        calibration = self.manifest.calibration
        return None if calibration is None else calibration.apply(scores)
