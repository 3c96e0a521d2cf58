"""The champion that a training from Kafka is compared with."""

import typer

from fraud_core.errors import RulesDifferError
from fraud_core.models import LoadedModel, fetch_bundle
from fraud_core.signals import Signal
from fraud_local.models.place import Place


def deciding(here: Place, signals: tuple[Signal, ...]) -> LoadedModel | None:
    """The bundle that decides now; None if there is none, or it reads rules that these rows do not tell of.

    The latter is said on standard error: then it is time to train.

    Raises:
        BundleError: it is not the promised one, not signed, or does not fit this version.
        UnavailableError: Kafka, the registry or the bundle's store can't be reached.
    """
    rollout, _ = here.look()
    if rollout is None or rollout.champion is None:
        return None
    settings, ref = here.settings, rollout.champion
    try:
        return fetch_bundle(ref.url, ref.sha256, settings.kafka, settings.bundles.hmac_key, signals)
    except RulesDifferError as error:
        typer.echo(f"The champion is not compared. {error}", err=True)
        return None
