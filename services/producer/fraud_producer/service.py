"""A producer as a connector: it reports, answers Connect's REST API, and holds still when it is told to."""

from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from fraud_core.connect.control import Control
from fraud_core.connect.member import Identity, membership
from fraud_core.connect.records import State, Target
from fraud_core.connect.tasks import Tasks
from fraud_core.http import probes, served
from fraud_core.registry import Registry
from fraud_core.shutdown import Shutdown
from fraud_core.topics import topics
from fraud_producer.pacing import WhileOpen
from fraud_producer.publisher import wait_for_topics
from fraud_producer.run import Ended, Plan, run
from fraud_producer.settings import ProducerSettings
from fraud_producer.stream import Sent

PLUGIN = "fraud_producer.TransactionSource"
TASK = 0
"""A producer has one task: its stream."""
_STATES = {Target.RUNNING: State.RUNNING, Target.PAUSED: State.PAUSED, Target.STOPPED: State.STOPPED}


def serve(settings: ProducerSettings, plan: Plan, asked: Shutdown, truth: Path | None = None) -> Ended:
    """Publish the plan, as `run` does, and be operated meanwhile.

    Where the port is taken, as by a detector on the same machine, any free one serves; the log says which.

    Raises:
        UnavailableError: brokers or registry can't be reached within `startup_timeout_s`.
        ConfigError: a topic is missing, or the truth can't be written.
        SchemaError: a schema is not registered.
    """
    counts = _Counts()
    registry = Registry(settings.schema_registry)
    names = topics(settings.topics)
    written = (names.transactions.name, names.labels.name)
    identity = Identity(settings.pipeline, settings.worker, "source", PLUGIN, written)
    app = probes(settings.pipeline, counts.registry, lambda: True, lambda: True)
    member = membership(settings, identity, app)
    with served(app, settings.http, elsewhere=True):

        def is_open() -> bool:
            return _obey(member.control, member.tasks)

        # Brokers and topics first: to start and make them is what people forget.
        wait_for_topics(settings, asked.stop)
        with member.taking_part(settings, registry, counts.totals, asked.stop):
            return run(
                settings,
                replace(plan, pace=WhileOpen(plan.pace, is_open)),
                stop=asked.stop,
                at_once=asked.at_once,
                truth=truth,
                on_sent=counts.add,
            )


def _obey(control: Control, tasks: Tasks) -> bool:
    """Whether the stream may flow; says so to whoever asks for the state."""
    control.restarts()  # a stream has nothing to begin anew
    state = _STATES[control.target]
    tasks.work(state)
    if state is State.STOPPED:
        tasks.drop(TASK)
    else:
        tasks.put(TASK, state)
    return state is State.RUNNING


class _Counts:
    """What was handed to the brokers, for Prometheus and for reports."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._transactions = Counter(
            "fraud_produced_transactions", "Transactions handed to the brokers.", registry=self.registry
        )
        self._labels = Counter(
            "fraud_produced_labels", "Labels handed to the brokers.", registry=self.registry
        )
        self._totals = {"transactions": 0.0, "labels": 0.0}

    def add(self, sent: Sent) -> None:
        self._transactions.inc(sent.transactions.height)
        self._labels.inc(sent.labels)
        self._totals["transactions"] += sent.transactions.height
        self._totals["labels"] += sent.labels

    def totals(self) -> dict[str, float]:
        return dict(self._totals)
