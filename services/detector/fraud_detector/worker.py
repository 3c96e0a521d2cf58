"""Puts a worker together from its settings and runs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from fraud_core.avro import Decoder, Encoder
from fraud_core.connect.member import Identity, membership
from fraud_core.connect.records import Serving
from fraud_core.errors import ConfigError
from fraud_core.features import SideTables
from fraud_core.http import probes, served
from fraud_core.kafka import partition_counts, wait_until
from fraud_core.log import logger
from fraud_core.models import LoadedModel, fetch_bundle
from fraud_core.registry import Registry
from fraud_core.rules import load_rules
from fraud_core.signals import Signal
from fraud_core.topics import Topics, topics
from fraud_detector import snapshots
from fraud_detector.deciding import Decider, Timed, untimed
from fraud_detector.engine import Engine
from fraud_detector.metrics import Metrics
from fraud_detector.model_metrics import ModelMetrics
from fraud_detector.network_file import NetworkFile
from fraud_detector.reading import ASK_S, Reader
from fraud_detector.retention import check_retention
from fraud_detector.rollouts import Rollouts, await_first, loading
from fraud_detector.settings import DetectorSettings
from fraud_detector.sides import Sides
from fraud_detector.sizes import output_limits
from fraud_detector.transaction import transactions
from fraud_detector.writing import Writer

log = logger(__name__)
PLUGIN = "fraud_detector.FraudDetector"


def run(settings: DetectorSettings, stop: threading.Event, metrics: Metrics | None = None) -> None:
    """Run a worker until `stop` is set; `metrics` are for those who watch it from within.

    Raises:
        ConfigError: rules, model or topics can't be used.
        UnavailableError: broker or registry were not there in time.
        NameInUseError: another process has this worker's name.
        FencedError: another process has taken this worker's name over.
        TaskFailedError: what may heal did not within `errors.retry.timeout`.
    """
    metrics = metrics or Metrics()
    deciding = decider(settings, metrics.stages.timed)
    key, signals = settings.bundles.hmac_key, deciding.signals
    rollouts = None if settings.model.sha256 else Rollouts(settings.kafka, key, signals)
    serving = partial(_serving, deciding, rollouts)
    metrics.registry.register(ModelMetrics(serving))
    registry = Registry(settings.schema_registry)
    app = probes(settings.pipeline, metrics.registry, metrics.alive, metrics.ready)
    member = membership(settings, _identity(settings), app)
    with served(app, settings.http):
        names = topics(settings.topics)
        _check_topics(settings, names, wait_until(partial(partition_counts, settings.kafka), settings, stop))
        alerts, classified = (
            Encoder("Decision", wait_until(partial(registry.id_of, topic), settings, stop))
            for topic in (names.alerts, names.classified)
        )
        reader = Reader(Decoder("Transaction", registry, ASK_S))
        limits = output_limits(settings, names)
        writer = Writer(settings, names, alerts, classified, limits)
        sides = Sides(settings, names, deciding.side, registry)
        warm_up(deciding)
        told = rollouts.told if rollouts else None
        deciding.serving.on_change = member.changed
        with (
            networks(settings, deciding.side),
            loading(rollouts, member.changed),
            member.taking_part(settings, registry, metrics.totals, stop, serving, told, alone=True),
        ):
            outbox = wait_until(partial(transactions, settings, limits, stop), settings, stop)
            log.info("starting", pipeline=settings.pipeline, worker=settings.worker)
            if rollouts and (models := await_first(rollouts, settings.pipeline, metrics.turned, stop)):
                deciding.serving.apply(models)
            rolled_out = rollouts.take if rollouts else lambda: None
            Engine(
                settings, reader, deciding, writer, outbox, metrics, member, sides, stop, rolled_out
            ).run()  # fmt: skip


def _serving(deciding: Decider, rollouts: Rollouts | None) -> Serving:
    found = deciding.serving.status()
    problem = rollouts.problem if rollouts else None
    return replace(found, rollout_problem=problem or found.rollout_problem)


def _identity(settings: DetectorSettings) -> Identity:
    read = topics(settings.topics).transactions.name
    return Identity(settings.pipeline, settings.worker, "sink", PLUGIN, (read,))


def decider(settings: DetectorSettings, timed: Timed = untimed) -> Decider:
    """What decides: the rules, and the model if settings fix one; `timed` measures its stages.

    Raises:
        ConfigError: rules or model can't be used.
        UnavailableError: the model's store can't be reached.
    """
    side, rules = SideTables(settings.side.label_delay_h, shared=True), load_rules(settings.rules)
    return Decider(
        rules,
        _fixed(settings, rules.signals),
        settings.pipeline,
        timed,
        side,
        settings.review,
        settings.explanation,
    )


def warm_up(deciding: Decider) -> None:
    """Have all machine code that a worker calls, but for that of models which are loaded later."""
    deciding.warm_up()
    snapshots.warm_up()


@contextmanager
def networks(settings: DetectorSettings, side: SideTables) -> Iterator[None]:
    """Keep up with the file of networks, if there is one, while the block runs.

    Raises:
        ConfigError: it can't be read.
    """
    if settings.side.networks is None:
        yield
        return
    # Replaced as a whole, between two batches or within one: a batch reads it once.
    file = NetworkFile(settings.side.networks, partial(setattr, side, "networks"))
    file.start()
    try:
        yield
    finally:
        file.close()


def _fixed(settings: DetectorSettings, signals: tuple[Signal, ...]) -> LoadedModel | None:
    url, sha256 = settings.model.url, settings.model.sha256
    if url is None and sha256 is None:
        return None
    if url is None or sha256 is None:
        raise ConfigError(
            "A fixed model needs both its address and its digest: set FRAUD_MODEL__URL and "
            "FRAUD_MODEL__SHA256 (`fraudstream train-baseline` prints both), or neither for the one that is "
            "rolled out."
        )
    return fetch_bundle(url, sha256, settings.kafka, settings.bundles.hmac_key, signals)


def _check_topics(settings: DetectorSettings, names: Topics, existing: dict[str, int]) -> None:
    outputs = [names.classified.name, names.alerts.name, settings.dead_letters(names)]
    needed = [names.transactions.name, *outputs]
    needed += [names.status.name, names.target_states.name, names.labels.name, names.side_tables.name]
    needed += [] if settings.model.sha256 else [names.rollouts.name]
    needed += [names.logins.name] if names.logins else []
    needed += [names.state.name] if settings.state.durable else []
    if missing := [name for name in needed if name not in existing]:
        raise ConfigError(f"These topics do not exist: {', '.join(missing)}. Run `fraudstream setup` first.")
    _check_logins(names, existing)
    if not settings.state.durable:
        return
    partitions, states = existing[names.transactions.name], existing[names.state.name]
    if states < partitions:
        raise ConfigError(
            f"{names.transactions.name} has {partitions} partitions and {names.state.name} only {states}. "
            "`fraudstream setup` adds those that are missing."
        )
    check_retention(settings, names, partitions)


def _check_logins(names: Topics, existing: dict[str, int]) -> None:
    """A user's logins must come to the worker that has the user's transactions."""
    if names.logins is None:
        return
    logins, transactions = existing[names.logins.name], existing[names.transactions.name]
    if logins != transactions:
        raise ConfigError(
            f"{names.logins.name} has {logins} partitions and {names.transactions.name} {transactions}: they "
            "must have as many, and be keyed by user alike. Make the topic of logins anew with "
            f"{transactions}, or leave FRAUD_TOPICS__LOGINS empty."
        )
