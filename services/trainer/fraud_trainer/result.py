"""What a training that nobody watches says at its end: one JSON object, as small as a pod's last words."""

from pathlib import Path
from typing import Any

import orjson

from fraud_core.errors import (
    BundleError,
    ConfigError,
    FraudstreamError,
    InputError,
    NotEnoughSamplesError,
    UnavailableError,
    WindowNotRetainedError,
)
from fraud_trainer.budget import BY_RULE
from fraud_trainer.run import Training

MOST_BYTES = 4_000
"""Kubernetes keeps 4096 bytes of a termination message."""
REASONS: tuple[tuple[type[FraudstreamError], str], ...] = (
    (WindowNotRetainedError, "WindowNotRetained"),
    (NotEnoughSamplesError, "NotEnoughSamples"),
    (InputError, "NothingToLearnFrom"),
    (ConfigError, "InvalidTraining"),
    (BundleError, "BundleRefused"),
    (UnavailableError, "Unavailable"),
)
"""Kinds of failures as a condition names them; the first that fits."""


def of_training(training: Training, parent_version: str | None) -> dict[str, Any]:
    """What came out."""
    manifest, published = training.bundle.manifest, training.published
    return {
        "version": manifest.version,
        "url": published.url if published else None,
        "sha256": training.bundle.sha256,
        "data_until": manifest.data_until.isoformat(),
        "parent_version": parent_version,
        "metrics": {
            name: float(f"{value:.6g}")
            for name, value in manifest.metrics.items()
            if not name.startswith(BY_RULE)  # there may be many rules, and they are in the manifest
        },
    }


def of_failure(error: FraudstreamError) -> dict[str, Any]:
    """Why nothing came out."""
    reason = next((word for kind, word in REASONS if isinstance(error, kind)), "TrainingFailed")
    return {"reason": reason, "message": str(error)[: MOST_BYTES // 4]}


def write(path: Path | None, said: dict[str, Any]) -> None:
    """Write it where it is looked for; metrics that find no room are left out."""
    if path is None:
        return
    content = orjson.dumps(said)
    while len(content) > MOST_BYTES and said.get("metrics"):
        said["metrics"].popitem()
        content = orjson.dumps(said)
    path.write_bytes(content)
