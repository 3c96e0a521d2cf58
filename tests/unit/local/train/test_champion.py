"""Which champion a training from Kafka is compared with, and which one ends it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from fraud_core.connect.records import WorkerStatus
from fraud_core.errors import BundleError
from fraud_core.models import publish_bundle
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.settings import BundleSettings, CoreSettings
from fraud_local.models.place import Place
from fraud_local.train.champion import deciding
from tests.support.signalling import ODD, RISKY, signal_bundle


@dataclass(frozen=True)
class Known(Place):
    """A pipeline whose rollout needs no broker to be known."""

    rollout: Rollout

    def look(self) -> tuple[Rollout | None, list[WorkerStatus]]:
        return self.rollout, []


def here(folder: Path, sha256: str | None = None, key: str | None = None) -> Known:
    published = publish_bundle(folder, signal_bundle())
    ref = BundleRef(published.version, published.url, sha256 or published.sha256)
    settings = CoreSettings(bundles=BundleSettings(hmac_key=SecretStr(key) if key else None))
    return Known(settings, "pipe", Rollout("pipe", 1, champion=ref))


def test_it_is_the_one_that_decides(tmp_path: Path) -> None:
    model = deciding(here(tmp_path), (ODD, RISKY))

    assert model is not None
    assert model.version == signal_bundle().manifest.version


def test_one_that_reads_other_rules_is_left_out_and_that_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deciding(here(tmp_path), (ODD,)) is None

    assert "The champion is not compared. " in capsys.readouterr().err


def test_one_that_is_not_what_was_promised_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="was expected"):
        deciding(here(tmp_path, sha256="0" * 64), (ODD, RISKY))
    with pytest.raises(BundleError, match="is not signed"):
        deciding(here(tmp_path, key="k" * 32), (ODD,))


def test_without_a_champion_there_is_nothing_to_compare_with() -> None:
    assert deciding(Known(CoreSettings(), "pipe", Rollout("pipe", 1)), ()) is None
