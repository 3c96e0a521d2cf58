"""Trains and measures as a FraudModel's Jobs do: from Kafka, beside the rollout's champion."""

from collections.abc import Callable
from datetime import datetime, timedelta

from fraud_core.errors import BundleError, InputError, NotEnoughSamplesError, WindowNotRetainedError
from fraud_core.log import logger
from fraud_core.models import LoadedModel, fetch_bundle
from fraud_core.models.kafka_store import Store
from fraud_core.registry import Registry
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.rollouts.writing import latest_rollout
from fraud_core.settings import CoreSettings
from fraud_core.signals import Signal
from fraud_core.topics import topics
from fraud_trainer import judged
from fraud_trainer.logged import Topics
from fraud_trainer.rows import Rows
from fraud_trainer.run import Span, Training, from_topics, milliseconds, train_on
from fraud_trainer.training import Plan

log = logger(__name__)
MOST_ROWS = 5_000_000
PATIENCE_S = 600.0
GAP = 0.1
"""Share of the window that may be empty at its beginning before it counts as lost."""


def trained(
    settings: CoreSettings,
    pipeline: str,
    span: Span,
    plan: Plan,
    min_samples: int,
    on_rows: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Training, str | None]:
    """Train on what was logged, and publish; gives the champion's version, too.

    Raises:
        ConfigError: the plan asks for what can't be.
        WindowNotRetainedError: retention has deleted the window's beginning.
        NotEnoughSamplesError: the window has too few transactions.
        InputError: there is nothing to learn from.
        UnavailableError: brokers or registry stayed away.
    """
    plan.check()
    rows, until = from_topics(settings, span, MOST_ROWS, PATIENCE_S, on_rows)
    check(rows, until, span, min_samples, Topics(settings).shortened)
    ref = _champion(settings, pipeline)
    champion = _fetched(settings, ref, rows.signals) if ref else None
    store = f"kafka://{topics(settings.topics).models.name}"
    training = train_on(
        rows,
        until,
        span,
        plan,
        output=store,
        champion=champion,
        kafka=settings.kafka,
        key=settings.bundles.hmac_key,
    )
    return training, ref.version if ref else None


def check(rows: Rows, until: datetime, span: Span, min_samples: int, shortened: Callable[[], bool]) -> None:
    """See that the window is there, and has enough in it.

    Args:
        rows: what was read.
        until: when is trained.
        span: what was asked for.
        min_samples: fewest transactions of the window.
        shortened: says whether retention has deleted decisions already.

    Raises:
        WindowNotRetainedError: its beginning is deleted.
        NotEnoughSamplesError: it has too few transactions.
    """
    end = milliseconds(until - span.label_delay)
    start = end - span.window // timedelta(milliseconds=1)
    first = int(rows.times[0]) if len(rows) else end
    if first > start + GAP * (end - start) and shortened():
        held = timedelta(milliseconds=max(0, milliseconds(until) - first))
        raise WindowNotRetainedError(
            f"The topics of decisions hold the last {held} of event time, and window and label delay take "
            f"{span.window + span.label_delay}. Give a shorter window, or the topics a longer retention.ms."
        )
    count = len(rows.between(start, end))
    if count < min_samples:
        raise NotEnoughSamplesError(
            f"The training window from {until - span.label_delay - span.window:%Y-%m-%d %H:%M} to "
            f"{until - span.label_delay:%Y-%m-%d %H:%M} has {count:,} transactions, and minSamples asks for "
            f"{min_samples:,}. Wait for more, widen the window, or lower labelDelay or minSamples."
        )


def measured(
    settings: CoreSettings,
    pipeline: str,
    maturity: timedelta,
    since: datetime,
    decided_from: datetime | None = None,
) -> dict[str, judged.Precision]:
    """Precision of the rollout's versions, from reviewed decisions and their labels.

    Args:
        settings: where they are.
        pipeline: whose rollout.
        maturity: age from which a transaction counts.
        since: Kafka timestamp of the earliest decisions.
        decided_from: what was decided before does not count; naive, in UTC.

    Raises:
        InputError: the pipeline has no rollout.
        UnavailableError: brokers or registry can't be reached.
    """
    rollout = _rollout(settings, pipeline)
    if rollout is None:
        raise InputError(f"{pipeline} has no rollout whose versions could be measured.")
    store = Store(topics(settings.topics).models.name, settings.kafka)
    known = store.manifests()
    thresholds = {
        ref.version: known[ref.sha256].threshold
        for ref in (rollout.champion, rollout.challenger)
        if ref and ref.sha256 in known
    }
    newest, until = judged.newest_decisions(settings), None
    if decided_from is not None:
        since, until = judged.counting(since, decided_from, newest, maturity)
    decisions = judged.read_decisions(settings, since, until, decided_from)
    happened = newest.happened if newest else None
    return judged.precision(decisions, judged.read_labels(settings), thresholds, maturity, happened)


def _rollout(settings: CoreSettings, pipeline: str) -> Rollout | None:
    return latest_rollout(settings, Registry(settings.schema_registry), pipeline)


def _champion(settings: CoreSettings, pipeline: str) -> BundleRef | None:
    rollout = _rollout(settings, pipeline)
    return rollout.champion if rollout else None


def _fetched(settings: CoreSettings, ref: BundleRef, signals: tuple[Signal, ...]) -> LoadedModel | None:
    """The champion, unless this version can't read it, or it reads rules that are no more.

    A gate that asks for its figures will say so.
    """
    try:
        return fetch_bundle(ref.url, ref.sha256, settings.kafka, settings.bundles.hmac_key, signals)
    except BundleError as error:
        log.warning("champion_not_compared", version=ref.version, reason=str(error))
        return None
