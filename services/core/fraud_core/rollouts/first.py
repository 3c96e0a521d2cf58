"""The first rollout of a pipeline: setup publishes the baseline to Kafka and lets it decide.

Where the pipeline was another release's, its rollout may still be a FraudModel's that is gone.
"""

from typing import Self

from pydantic import Field, model_validator

from fraud_core.registry import Registry
from fraud_core.rollouts.records import BundleRef, Rollout, released
from fraud_core.rollouts.writing import ISSUER, begin, latest_rollout, write_rollout
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


def taken_over(settings: CoreSettings, pipeline: str, owner: str) -> list[str]:
    """Release the rollout where a FraudModel of another namespace manages it; gives what was done, in words.

    Args:
        settings: where the topics are.
        pipeline: whose rollout.
        owner: of the pipeline from now on, as in `namespace/release`.

    Raises:
        UnavailableError: Kafka or the registry can't be reached.
    """
    home = owner.partition("/")[0]

    def of_others(latest: Rollout | None) -> Rollout | None:
        namespace, slash, _ = (latest.managed_by if latest else "").partition("/")
        return released(latest, ISSUER) if latest and slash and namespace != home else None

    latest = latest_rollout(settings, Registry(settings.schema_registry), pipeline)
    if latest is None or of_others(latest) is None:
        return []
    if write_rollout(settings, pipeline, of_others) is None:
        return []
    manager = latest.managed_by.rpartition("/")[0]
    return [f"released the rollout of {pipeline}, before of the FraudModel {manager}"]


def _published(settings: CoreSettings, baseline: BaselineSettings) -> BundleRef | None:
    if baseline.url is None or baseline.sha256 is None:
        return None
    # Imported late: an image that only makes topics has neither numba nor obstore.
    from fraud_core.models import publish_bundle, read_bundle  # noqa: PLC0415

    bundle = read_bundle(baseline.url, baseline.sha256, settings.kafka)
    store = f"kafka://{topics(settings.topics).models.name}"
    published = publish_bundle(store, bundle, settings.kafka, settings.bundles.hmac_key)
    return BundleRef(published.version, published.url, published.sha256)
