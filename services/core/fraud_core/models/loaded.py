"""A model that scores, for those who need not know how it was trained: without scikit-learn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fraud_core.features.names import FEATURES
from fraud_core.models.explaining import Explained, explained
from fraud_core.models.inputs import Floats
from fraud_core.models.manifest import Manifest
from fraud_core.models.reference import Bins, bins
from fraud_core.models.score_map import apply
from fraud_core.models.typical import typical_rows

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

    def explain(self, values: Floats) -> Explained | None:
        """Which features moved the scores of these transactions; `values` are as for `score`.

        Returns:
            None if its bundle, an older one, does not say what is typical.
        """
        if self._medians is None:
            return None
        rows = np.array([FEATURES.index(name) for name in self.manifest.features], dtype=np.int64)
        return explained(self.score, values, typical_rows(values, self._medians), rows)

    @cached_property
    def bins(self) -> Bins | None:
        """How values of its features are counted; None if its bundle does not say."""
        usual = self.manifest.reference
        return None if usual is None else bins(usual.features, FEATURES)

    @cached_property
    def _medians(self) -> Floats | None:
        """What is typical in the training window, shape (all features,)."""
        usual = self.manifest.reference
        if usual is None:
            return None
        found = {name: one.typical for name, one in usual.features.items()}
        return np.array([found.get(name) for name in FEATURES], dtype=np.float64)
