"""One training: logged decisions, a model of them, judged beside the champion, and published."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from fraud_core.models import Bundle, LoadedModel, PublishedBundle, publish_bundle
from fraud_core.models.loading import load
from fraud_core.settings import CoreSettings, KafkaSettings
from fraud_trainer.logged import OnRows, Topics
from fraud_trainer.quality import Judged
from fraud_trainer.rows import Rows
from fraud_trainer.timing import scoring_us
from fraud_trainer.training import Plan, train

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Span:
    """Which rows: a window that ends one label delay before `until`, and what came since.

    Attributes:
        until: when is trained, in event time, naive UTC; None is the newest transaction.
        window: how long the training window is.
        label_delay: how long labels take.
    """

    until: datetime | None
    window: timedelta
    label_delay: timedelta


@dataclass(frozen=True)
class Training:
    """What came of it.

    Attributes:
        published: where the bundle is; None if it was not asked to be.
        bundle: the bundle.
        judged: the test rows that its figures are of; None where there were none.
        champion: version that it was compared with.
        late: so long after the window that was asked for the transactions begin; 0 where they are there.
        scoring_us: time to score a transaction, microseconds; not in the bundle, which is the same each time.
    """

    published: PublishedBundle | None
    bundle: Bundle
    judged: Judged | None
    champion: str | None
    late: timedelta = timedelta()
    scoring_us: float | None = None


def from_topics(
    settings: CoreSettings, span: Span, most: int, patience_s: float, on_rows: OnRows
) -> tuple[Rows, datetime]:
    """The decisions that detectors logged, and when is trained.

    Raises:
        InputError: there are none.
        UnavailableError: the brokers or the registry stayed away for longer than `patience_s`.
    """
    source = Topics(settings, patience_s)
    until = span.until or source.newest() + MILLISECOND
    labels = source.labels(until)
    start = until - span.label_delay - span.window
    return source.rows(start, until, labels, most, on_rows), until


def train_on(
    rows: Rows,
    until: datetime,
    span: Span,
    plan: Plan,
    *,
    output: str | Path | None,
    champion: LoadedModel | None = None,
    kafka: KafkaSettings | None = None,
    key: SecretStr | None = None,
) -> Training:
    """Train, judge and publish, signed where a key is given.

    Raises:
        ConfigError: the plan asks for what can't be, or the address can't be used.
        InputError: there is too little to learn from.
        UnavailableError: the bundle can't be written.
    """
    end = milliseconds(until - span.label_delay)
    start = end - span.window // MILLISECOND
    version = champion.version if champion else None
    trained = train(rows, start, end, replace(plan, parent_version=version), champion)
    published = None if output is None else publish_bundle(output, trained.bundle, kafka, key)
    taken = scoring_us(load(trained.bundle, signals=rows.signals), rows.values)
    late = milliseconds(trained.bundle.manifest.window.start.replace(tzinfo=None)) - start
    return Training(published, trained.bundle, trained.judged, version, late * MILLISECOND, taken)


def milliseconds(moment: datetime) -> int:
    """Of a naive UTC time since 1970."""
    return int(np.datetime64(moment, "ms").astype(np.int64))
