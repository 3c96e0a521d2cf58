"""The algorithm that docs/models.md shows is trained, published, loaded and scores, as any other."""

import re
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud_core.errors import BundleError, ConfigError
from fraud_core.features import FEATURES
from fraud_core.models import loading
from fraud_core.models.loading import load
from fraud_trainer import algorithm
from fraud_trainer.fitting import algorithms
from fraud_trainer.rows import Rows
from fraud_trainer.training import DAY_MS, Plan, train
from tests.support.bundles import feature_values
from tests.support.labelled import labelled

PAGE = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
DAYS, COUNT = 40, 4_000


def rows() -> Rows:
    values = feature_values(COUNT, seed=1)
    frauds = values[0] > np.quantile(values[0], 0.95)
    return labelled(values, frauds, DAYS)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with the page's example, as if it had been installed."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (table,) = re.findall(r'```toml\n.*?\n(\w+) = "([\w:]+)"\n```', PAGE, flags=re.DOTALL)
    name, value = table
    (tmp_path / f"{value.split(':')[0]}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    group = EntryPoints([EntryPoint(name, value, algorithm.GROUP)])

    def found(**_: Any) -> EntryPoints:
        return group

    monkeypatch.setattr(algorithm, "entry_points", found)
    monkeypatch.setattr(loading, "entry_points", found)
    monkeypatch.delitem(sys.modules, "my_package", raising=False)


@pytest.mark.usefixtures("installed")
def test_the_example_of_the_page_trains_and_scores() -> None:
    plan = Plan("ada_boost", {"n_estimators": 5}, label_delay=DAY_MS, maturity=DAY_MS)

    bundle = train(rows(), 0, 39 * DAY_MS, plan).bundle
    scores = load(bundle).score(feature_values(500, seed=2))

    assert "ada_boost" in algorithms()
    assert bundle.manifest.hyperparameters["n_estimators"] == 5
    amounts = feature_values(500, seed=2)[0]
    assert scores[amounts > np.quantile(amounts, 0.95)].mean() > scores.mean()


@pytest.mark.usefixtures("installed")
def test_its_hyperparameters_are_checked() -> None:
    with pytest.raises(ConfigError, match="hyperparameters of ada_boost can't be used: n_estimators = 0"):
        Plan("ada_boost", {"n_estimators": 0}).check()


def test_without_the_package_its_bundle_is_refused_with_what_to_do() -> None:
    plan = Plan("logistic_regression", label_delay=DAY_MS, maturity=DAY_MS)
    bundle = train(rows(), 0, 39 * DAY_MS, plan).bundle
    foreign = bundle.manifest.model_copy(update={"algorithm": "ada_boost"})

    with pytest.raises(BundleError, match="install the package that brings this kind"):
        load(type(bundle)(foreign, bundle.model))


def test_all_features_but_day_counters_are_read() -> None:
    plan = Plan("logistic_regression", label_delay=DAY_MS, maturity=DAY_MS)

    manifest = train(rows(), 0, 39 * DAY_MS, plan).bundle.manifest

    assert set(FEATURES) - set(manifest.features) == {"user_age_days"}
