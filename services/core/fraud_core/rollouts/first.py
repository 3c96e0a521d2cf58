"""The first rollout of a pipeline: setup publishes the baseline to Kafka and lets it decide."""

from typing import Self

from pydantic import Field, model_validator

from fraud_core.registry import Registry
from fraud_core.rollouts.records import BundleRef
from fraud_core.rollouts.writing import begin, latest_rollout
from fraud_core.settings import CoreSettings, Section
from fraud_core.topics import topics


class BaselineSettings(Section):
    """The bundle that a pipeline without a rollout begins with: address and digest, or neither."""

    url: str | None = None
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.url is None) != (self.sha256 is None):
            raise ValueError("a baseline needs both url and sha256; `fraudstream train-baseline` prints both")
        return self


def first_rollout(settings: CoreSettings, pipeline: str, baseline: BaselineSettings) -> list[str]:
    """Write the first rollout if there is none, after publishing its bundle; gives what was done, in words.

    Raises:
        BundleError: the baseline is not the promised one.
        UnavailableError: Kafka, the registry or the baseline's store can't be reached.
    """
    if latest_rollout(settings, Registry(settings.schema_registry), pipeline):
        return []
    champion = _published(settings, baseline)
    rollout = begin(settings, pipeline, champion)
    if rollout is None:
        return []
    decides = f"{champion.version} decides" if champion else "the rules decide alone, no baseline was given"
    published = [f"published {champion.version} at {champion.url}"] if champion else []
    return [*published, f"wrote rollout {rollout.generation} of {pipeline}: {decides}"]


def _published(settings: CoreSettings, baseline: BaselineSettings) -> BundleRef | None:
    if baseline.url is None or baseline.sha256 is None:
        return None
    # Imported late: an image that only makes topics has neither numba nor obstore.
    from fraud_core.models import publish_bundle, read_bundle  # noqa: PLC0415

    bundle = read_bundle(baseline.url, baseline.sha256, settings.kafka)
    store = f"kafka://{topics(settings.topics).models.name}"
    published = publish_bundle(store, bundle, settings.kafka, settings.bundles.hmac_key)
    return BundleRef(published.version, published.url, published.sha256)
