"""Model bundles: what they say of themselves, where they are kept, and how a model scores."""

from fraud_core.models.bundle import Bundle
from fraud_core.models.loaded import LoadedModel
from fraud_core.models.manifest import Manifest, Window
from fraud_core.models.score_map import ScoreMap
from fraud_core.models.store import PublishedBundle, fetch_bundle, publish_bundle, read_bundle

__all__ = [
    "Bundle",
    "LoadedModel",
    "Manifest",
    "PublishedBundle",
    "ScoreMap",
    "Window",
    "fetch_bundle",
    "publish_bundle",
    "read_bundle",
]
