"""A model that scores, for those who need not know how it was trained: without scikit-learn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fraud_core.features.names import FEATURES
from fraud_core.models.explaining import Explained, explained
from fraud_core.models.inputs import Floats
from fraud_core.models.manifest import Manifest
from fraud_core.models.reference import Bins, bins
from fraud_core.models.score_map import apply
from fraud_core.models.typical import typical_rows

RawScorer = Callable[[Floats], Floats]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to score; may be used by several threads.

    Attributes:
        manifest: what its bundle says of it.
        sha256: digest of its bundle.
        members: what each member of an ensemble says alone, between 0 and 1.
        inputs: names of the rows of the matrices that it is asked about.
    """

    manifest: Manifest
    sha256: str
    _raw: RawScorer = field(repr=False)
    _knots: tuple[Floats, Floats] = field(repr=False)
    members: Mapping[str, RawScorer] = field(default_factory=dict, repr=False)
    inputs: tuple[str, ...] = field(default=FEATURES, repr=False)

    @property
    def version(self) -> str:
        """Identity of the bundle."""
        return self.manifest.version

    @property
    def reads_signals(self) -> bool:
        """Whether it must be told which rules fired."""
        return bool(self.manifest.signals)

    @property
    def threshold(self) -> float:
        """The model alerts when the score is at least this."""
        return self.manifest.threshold

    def score(self, values: Floats) -> Floats:
        """Risk ranks between 0 and 1, one a transaction, whatever else is in the batch.

        Args:
            values: all features in the order of `Decision.features`, shape (features, transactions); NaN is
                unknown. For a model that reads signals all of these follow, as `inputs` names them; where
                they follow for others it makes no difference. The model takes its own rows out of them.
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
        return explained(self.score, values, typical_rows(values, self._medians), self.rows)

    @cached_property
    def rows(self) -> Ints:
        """Of the features that it reads, among `inputs`."""
        return np.array([self.inputs.index(name) for name in self.manifest.features], dtype=np.int64)

    @cached_property
    def bins(self) -> Bins | None:
        """How values of its features are counted; None if its bundle does not say."""
        usual = self.manifest.reference
        return None if usual is None else bins(usual.features, self.inputs)

    @cached_property
    def _medians(self) -> Floats | None:
        """What is typical in the training window, shape (inputs,)."""
        usual = self.manifest.reference
        if usual is None:
            return None
        found = {name: one.typical for name, one in usual.features.items()}
        return np.array([found.get(name) for name in self.inputs], dtype=np.float64)
