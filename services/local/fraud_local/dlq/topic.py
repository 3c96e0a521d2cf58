"""The topic of the dead letters and the log of their replays, as one cluster has them."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from fraud_core import tail
from fraud_core.errors import ConfigError
from fraud_core.offsets import Place, Span, committed_spans, narrowed
from fraud_core.polling import key_of
from fraud_core.settings import CoreSettings, load_settings
from fraud_core.setup import SetupSettings
from fraud_core.topics import topics
from fraud_local import addresses
from fraud_local.dlq.letter import Letter, Spot
from fraud_local.topic_names import resolve

Spans = Mapping[Place, Span]


@dataclass(frozen=True)
class Selection:
    """Which letters are meant.

    Attributes:
        stage: where in the pipeline they failed; None for anywhere.
        since: Kafka timestamp of the first; None for all.
        only: where they are or where their records were read; empty for anywhere.
    """

    stage: str | None = None
    since: datetime | None = None
    only: frozenset[Spot] = frozenset()

    def wants(self, letter: Letter) -> bool:
        """Whether it is meant."""
        return (
            (self.stage is None or letter.stage == self.stage)
            and (self.since is None or (letter.when is not None and letter.when >= self.since))
            and (not self.only or bool(self.only & {letter.spot, letter.origin}))
        )


@dataclass(frozen=True)
class DeadLetterTopic:
    """Where the dead letters of a pipeline are.

    Attributes:
        settings: where brokers and registry are.
        existing: every topic with its number of partitions.
        name: of the topic that has the dead letters.
        replays: name of the topic that remembers which of them were replayed.
    """

    settings: CoreSettings
    existing: Mapping[str, int]
    name: str
    replays: str

    def spans(self, selection: Selection) -> Spans:
        """What is on the topic now, as far as letters of the selection can be there.

        Raises:
            UnavailableError: the brokers don't answer.
        """
        spans = committed_spans(self.settings.kafka, {self.name: self.existing[self.name]})
        return narrowed(self.settings.kafka, spans, selection.since) if selection.since else spans

    def spans_of(self, spot: Spot) -> Spans:
        """What has to be read to find letters that are there, or whose record was read there.

        Raises:
            UnavailableError: the brokers don't answer.
        """
        if spot.topic == self.name:
            if spot.partition >= self.existing[self.name]:
                return {}
            return {(spot.topic, spot.partition): Span(spot.offset, spot.offset + 1)}
        return self.spans(Selection())

    def letters(self, spans: Spans, selection: Selection) -> Iterator[list[Letter]]:
        """The letters of the selection in batches, each partition in order.

        Raises:
            UnavailableError: the brokers stopped answering.
        """
        with closing(tail.consumer(self.settings.kafka)) as source:
            for batch in tail.forward(source, spans):
                yield [letter for letter in map(Letter, batch) if selection.wants(letter)]

    def replayed(self) -> set[str]:
        """Identities of the letters that were replayed.

        Raises:
            UnavailableError: the brokers don't answer.
        """
        if self.replays not in self.existing:
            return set()
        spans = committed_spans(self.settings.kafka, {self.replays: self.existing[self.replays]})
        with closing(tail.consumer(self.settings.kafka)) as source:
            return {key_of(message) for batch in tail.forward(source, spans) for message in batch}

    def check_replays(self) -> None:
        """See that replays can be remembered.

        Raises:
            ConfigError: their topic is not there.
        """
        if self.replays not in self.existing:
            raise ConfigError(
                f"There is no topic {self.replays}, which remembers what was replayed, at "
                f"{self.settings.kafka.bootstrap_servers}. Run `fraudstream setup` first."
            )


def find(
    topic: str | None, bootstrap_servers: str | None, schema_registry_url: str | None, prefix: str | None
) -> DeadLetterTopic:
    """The dead letters of the pipeline that these addresses lead to; `topic` wins over the settings.

    Raises:
        ConfigError: a setting is not allowed, or there is no such topic.
        UnavailableError: the brokers don't answer.
    """
    found = addresses.find(bootstrap_servers, schema_registry_url, prefix)
    addresses.quiet(found.settings)
    existing = addresses.existing_topics(found)
    names = topics(found.settings.topics)
    named = topic or load_settings(SetupSettings).errors.deadletterqueue.topic.name
    name = resolve(named or names.dead_letters.name, found.settings, existing)
    return DeadLetterTopic(found.settings, existing, name, names.replays.name)
