"""One run of the producer: connect, publish, drain, report."""

import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from fraud_core.errors import FraudstreamError
from fraud_producer.pacing import Pace
from fraud_producer.progress import shown
from fraud_producer.publisher import Publisher, connect
from fraud_producer.settings import ProducerSettings
from fraud_producer.slices import Slice
from fraud_producer.stream import OnSent, Sent, publish
from fraud_producer.truth import written


@dataclass(frozen=True)
class Plan:
    """What to publish, and when.

    Attributes:
        title: of the progress bar.
        slices: the stream.
        pace: when its rows go.
        count: transactions after which it ends; None: with the slices.
        total: transactions that there will be, if known.
        rejected: rows of the input that can't be mapped.
    """

    title: str
    slices: Iterable[Slice]
    pace: Pace
    count: int | None = None
    total: int | None = None
    rejected: int = 0


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes:
        produced: transactions handed over.
        delivered: transactions that the brokers have.
        failed: transactions that they don't have for certain.
        labels: labels delivered.
        labels_failed: labels that were not.
        rejected: rows of the input that can't be mapped.
        seconds: from the beginning of the stream until nothing was on its way any more.
        rate: delivered transactions a second.
    """

    produced: int
    delivered: int
    failed: int
    labels: int
    labels_failed: int
    rejected: int
    seconds: float
    rate: float


@dataclass(frozen=True)
class Ended:
    """A finished run.

    Attributes:
        summary: what it did.
        error: why it ended early, or that records were not delivered; None if all is well.
    """

    summary: Summary
    error: FraudstreamError | None


def run(
    settings: ProducerSettings,
    plan: Plan,
    *,
    stop: threading.Event,
    at_once: threading.Event | None = None,
    truth: Path | None = None,
    on_sent: OnSent = lambda _: None,
    quiet: bool = False,
) -> Ended:
    """Publish the plan until it ends or `stop` is set, then wait for what is on its way, or not: `at_once`.

    `quiet` shows no progress: the caller does.

    Raises:
        UnavailableError: brokers or registry can't be reached within `startup_timeout_s`.
        ConfigError: a topic is missing, or the truth can't be written.
        SchemaError: a schema is not registered.
    """
    publisher = connect(settings, stop)
    with written(truth) as write, _progress(plan, quiet=quiet) as show:

        def observe(sent: Sent) -> None:
            write(sent)
            show(sent)
            on_sent(sent)

        begun, error = time.monotonic(), None
        try:
            publish(plan.slices, publisher, plan.pace, stop=stop, count=plan.count, on_sent=observe)
        except FraudstreamError as ended_by:
            error = ended_by
        publisher.drain(stop, settings.producer.flush_timeout_s, at_once)
    return Ended(
        _summary(publisher, plan.rejected, time.monotonic() - begun), error or publisher.undelivered()
    )


def _progress(plan: Plan, *, quiet: bool) -> AbstractContextManager[OnSent]:
    return nullcontext(lambda _: None) if quiet else shown(plan.total, plan.title)


def _summary(publisher: Publisher, rejected: int, seconds: float) -> Summary:
    counts = publisher.counts()
    return Summary(
        produced=counts.produced,
        delivered=counts.delivered,
        failed=counts.failed,
        labels=counts.labels - counts.labels_failed,
        labels_failed=counts.labels_failed,
        rejected=rejected,
        seconds=round(seconds, 3),
        rate=round(counts.delivered / seconds, 1) if seconds else 0.0,
    )
