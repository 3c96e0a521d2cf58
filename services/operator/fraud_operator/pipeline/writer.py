"""Writes rollouts as the only operator of its namespace and pipeline."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from confluent_kafka import KafkaException, Producer

from fraud_core.avro.record import encode_record
from fraud_core.errors import FencedError, UnavailableError
from fraud_core.kafka import FENCED, client_config, reason, wait_until
from fraud_core.log import logger
from fraud_core.producers import producer
from fraud_core.registry import Registry
from fraud_core.rollouts import Rollout
from fraud_core.rollouts.writing import applied_generation, fence_others
from fraud_core.settings import CoreSettings
from fraud_core.topics import topics

log = logger(__name__)
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Writer:
    """Holds a transactional id for as long as the operator runs; made by `writer`."""

    settings: CoreSettings
    pipeline: str
    producer: Producer
    schema_id: int

    def write(self, wanted: Rollout, after: int | None, latest: Callable[[], Rollout | None]) -> bool:
        """Write the rollout, if the latest is of generation `after`; gives whether it did.

        Args:
            wanted: the next rollout.
            after: the generation that it follows on; None for the first of all.
            latest: reads the latest rollout, up to its end.

        Raises:
            FencedError: another operator of this namespace and pipeline has started.
            UnavailableError: Kafka can't be reached.
        """
        try:
            # A command line that is about to write one is refused from here on, so nothing comes in between.
            fence_others(self.settings, self.pipeline)
            found = latest()
            if (found.generation if found else None) != after:
                return False
            if after is None:
                wanted = replace(wanted, generation=1 + applied_generation(self.settings, self.pipeline))
            self._produce(wanted)
        except KafkaException as error:
            raise _explained(error, self.pipeline) from error
        log.info(
            "rollout_written", pipeline=self.pipeline, generation=wanted.generation, mode=wanted.mode.value
        )
        return True

    def check(self, latest: Rollout) -> None:
        """Do nothing, where this is the operator that started last.

        Brokers tell that only to who writes: the latest rollout once more, which is taken back.

        Raises:
            FencedError: another operator of this namespace and pipeline has started.
            UnavailableError: Kafka can't be reached.
        """
        try:
            self._produce(latest, commit=False)
        except KafkaException as error:
            raise _explained(error, self.pipeline) from error

    def _produce(self, rollout: Rollout, *, commit: bool = True) -> None:
        topic = topics(self.settings.topics).rollouts.name
        value = encode_record("Rollout", self.schema_id, rollout.to_record())
        self.producer.begin_transaction()
        try:
            self.producer.produce(topic, value, self.pipeline)
            if commit:
                self.producer.commit_transaction(TIMEOUT_S)
            else:
                self.producer.flush(TIMEOUT_S)  # or nothing is sent at all
                self.producer.abort_transaction(TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in FENCED and error.args[0].txn_requires_abort():
                self.producer.abort_transaction(TIMEOUT_S)
            raise


def writer(settings: CoreSettings, namespace: str, pipeline: str) -> Writer:
    """Take the transactional id over from any operator before.

    Raises:
        UnavailableError: Kafka or the registry can't be reached within `startup_timeout_s`.
        SchemaError: the schema is not registered.
    """
    topic = topics(settings.topics).rollouts
    schema_id = wait_until(partial(Registry(settings.schema_registry).id_of, topic), settings)
    made = producer(
        {
            **client_config(settings.kafka),
            "transactional.id": f"{settings.topics.prefix}fraud-operator/{namespace}/{pipeline}",
            "transaction.timeout.ms": int(TIMEOUT_S * 1_000),
        }
    )
    wait_until(partial(_begun, made, pipeline), settings)
    return Writer(settings, pipeline, made, schema_id)


def _begun(producer: Producer, pipeline: str) -> None:
    try:
        producer.init_transactions(TIMEOUT_S)
    except KafkaException as error:
        raise _explained(error, pipeline) from error


def _explained(error: KafkaException, pipeline: str) -> FencedError | UnavailableError:
    if error.args[0].code() in FENCED:
        return FencedError(
            f"Another operator writes the rollouts of {pipeline} now, and this one ends; a release has one."
        )
    return UnavailableError(f"The rollout of {pipeline} could not be written: {reason(error)}.")
