"""Brings the state of newly assigned partitions back: from snapshots, and the input after them.

Nothing is written. A partition goes through three stages, in slices between the batches of the others: its
snapshots are read (`state_log`), loaded, and the input between them and the committed offset is replayed,
each user taking only what the snapshot does not include. A state that was rolled back in memory needs none
of that, if its offset is still the committed one.
"""

import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import Consumer, KafkaException

from fraud_core.errors import StateError
from fraud_core.features import CHUNKS, State
from fraud_core.log import logger
from fraud_core.topics import topics
from fraud_detector.found import Found
from fraud_detector.reading import Read
from fraud_detector.records import Records
from fraud_detector.replay import Replays
from fraud_detector.settings import DetectorSettings
from fraud_detector.sides import Sides
from fraud_detector.snapshots import Ints, Lineage, Part, SnapshotError, new_lineage
from fraud_detector.standing import Standing, standing
from fraud_detector.state_log import StateLog

log = logger(__name__)
PROGRESS_S = 1.0
RETRY_S = 0.5
WAIT_S = 0.02
LOAD_SLICE_S = 0.05
OPEN_S = 2.0
"""To open partitions takes so long in one step at most, as a transaction may be open meanwhile. But all are
opened at once where that can be: as soon as one flows, what is asked of its broker waits behind its fetch."""


@dataclass
class Job:
    """A partition that is being restored.

    Attributes:
        lineage, offsets: of the snapshots that the state begins with, or of a state that begins anew.
        parts: still to be loaded, the last one first.
    """

    standing: Standing
    lineage: Lineage
    offsets: Ints
    began: float = field(default_factory=time.monotonic)
    parts: list[Part] = field(default_factory=list)
    snapshots: int = 0
    replayed: int = 0


@dataclass(frozen=True)
class Restored:
    """A partition that is ready.

    Attributes:
        position: the offset at which deciding begins.
        lineage, offsets: of its snapshots; None where those that are known already stay right.
        generation: of the rollout that it was decided under; 0 where none is named.
    """

    position: int
    lineage: Lineage | None = None
    offsets: Ints | None = None
    generation: int = 0


class Restorer:
    """Restores partitions up to their committed offsets.

    Attributes:
        ready: partitions whose restore is over, until they are dropped.
    """

    def __init__(
        self,
        settings: DetectorSettings,
        group_consumer: Consumer,
        states: MutableMapping[int, State],
        sides: Sides,
    ) -> None:
        """`states` are those of all partitions; this fills those that are being restored."""
        self._settings, self._group, self._states = settings, group_consumer, states
        self.ready: dict[int, Restored] = {}
        self._waiting: dict[int, int | None] = {}
        self._jobs: dict[int, Job] = {}
        self._loading: set[int] = set()
        self._loaded: set[int] = set()
        self._sides = sides
        self._log = StateLog(settings, topics(settings.topics).state.name)
        self._replays = Replays(settings)
        self._told = time.monotonic()
        self._again_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether some partition is not ready yet."""
        return bool(self._waiting) or bool(self._jobs.keys() - self.ready.keys())

    def add(self, partition: int, as_of: int | None = None) -> None:
        """Begin with this partition; asks the brokers nothing yet, so it may be called in a rebalance.

        `as_of` says that the partition's state is right already if that is the committed offset.
        """
        self.drop(partition)
        self._waiting[partition] = as_of

    def drop(self, partition: int) -> None:
        """Forget this partition, whatever its stage."""
        self._waiting.pop(partition, None)
        self._jobs.pop(partition, None)
        self._loading.discard(partition)
        self._loaded.discard(partition)
        self.ready.pop(partition, None)
        self._log.drop(partition)
        self._replays.drop(partition)

    def done(self, partition: int) -> None:
        """A partition that is ready has learnt all that was replayed; it is forgotten here."""
        if job := self._jobs.get(partition):
            log.info(
                "restored", partition=partition, replayed=job.replayed, snapshot_bytes=job.snapshots,
                users=self._states[partition].users, seconds=round(time.monotonic() - job.began, 3),
            )  # fmt: skip
        self.drop(partition)

    def step(self) -> Records:
        """One slice: the next records to replay, in order; moves partitions that are through to `ready`.

        Raises:
            StateError: a partition's state can't be restored, and `state.on_mismatch` is `fail`.
            ConfigError: the input has got more partitions than the state topic.
        """
        if time.monotonic() >= self._again_at:
            self._open_waiting()
        for partition, found in self._log.step(WAIT_S).items():
            self._found(partition, found)
        self._load()
        self._replay_loaded()
        if self._loaded or self._waiting:
            self._sides.follow(WAIT_S)
        step = self._replays.step(WAIT_S)
        for partition in step.overtaken:
            self._restart(partition)
        records = step.records.of(self._jobs)
        for partition, first, end in records.spans:
            self._jobs[partition].replayed += end - first
        for partition in step.done:
            self._finish(partition)
        self._tell()
        return records

    def beyond_snapshots(self, read: Read) -> Read:
        """What of replayed transactions the snapshots of their users do not include."""
        return read.since({partition: job.offsets for partition, job in self._jobs.items()})

    def position(self, partition: int) -> int | None:
        """The committed offset of a partition that is being restored; None while it is unknown."""
        job = self._jobs.get(partition)
        return job.standing.position if job else None

    def close(self) -> None:
        """Close the consumers that read state and input."""
        self._log.close()
        self._replays.close()

    def _open_waiting(self) -> None:
        """Until the brokers do not answer: to ask them for each partition may take longer than a poll may.

        Where they answer, one is opened however long that takes, and others as long as there is time.
        """
        until = time.monotonic() + OPEN_S
        for partition, as_of in list(self._waiting.items()):
            if not self._open(partition, as_of):
                self._waiting[partition] = self._waiting.pop(partition)  # another one is asked for next
                return
            if time.monotonic() >= until:
                return

    def _open(self, partition: int, as_of: int | None) -> bool:
        try:
            found = standing(self._group, self._settings.topics.transactions, partition)
            if as_of != found.position:
                self._states[partition] = State()
                self._begin(partition, found)
            else:
                self.ready[partition] = Restored(as_of, generation=found.generation)
        except KafkaException as error:
            log.warning("restore_waits", partition=partition, reason=str(error))
            self._again_at = time.monotonic() + RETRY_S
            return False
        del self._waiting[partition]
        return True

    def _begin(self, partition: int, found: Standing) -> None:
        if found.lost:
            self._may_rebuild(partition, found.lost)
        durable = self._settings.state.durable
        if durable:
            self._log.check(partition)
        reads = durable and found.decided
        self._sides.await_end(partition, found.position, found.end)
        if reads:
            self._log.add(partition)  # last, as it can't be asked for twice where the brokers did not answer
        self._jobs[partition] = self._anew(found)
        log.info("restoring", partition=partition, records=found.position - found.first, snapshots=reads)
        if not reads:
            self._loaded.add(partition)

    def _anew(self, found: Standing) -> Job:
        offsets = np.full(CHUNKS, found.first, dtype=np.int64)
        return Job(found, new_lineage(found.first, found.partitions), offsets)

    def _found(self, partition: int, found: Found) -> None:
        job = self._jobs[partition]
        try:
            job.offsets = found.offsets(job.standing.partitions, job.standing.first, job.standing.position)
        except SnapshotError as error:
            self._rebuild(partition, error)
            return
        job.lineage, job.parts, job.snapshots = found.lineage or job.lineage, found.parts(), found.size
        self._states[partition].reserve(sum(part.users for part in job.parts))
        self._loading.add(partition)

    def _load(self) -> None:
        until = time.monotonic() + LOAD_SLICE_S
        while self._loading and time.monotonic() < until:
            partition = min(self._loading)
            job = self._jobs[partition]
            if not job.parts:
                self._loading.discard(partition)
                self._loaded.add(partition)
                continue
            try:
                self._states[partition].load(job.parts.pop().words())
            except SnapshotError as error:
                self._loading.discard(partition)
                self._rebuild(partition, error)

    def _rebuild(self, partition: int, error: SnapshotError) -> None:
        self._may_rebuild(partition, str(error))
        self._states[partition] = State()
        self._jobs[partition] = self._anew(self._jobs[partition].standing)
        self._loaded.add(partition)

    def _may_rebuild(self, partition: int, reason: str) -> None:
        if self._settings.state.on_mismatch == "fail":
            raise StateError(
                f"The state of partition {partition} can't be restored: {reason}. state.on_mismatch is fail; "
                "FRAUD_STATE__ON_MISMATCH=rebuild begins anew with what the input retains."
            )
        log.warning("state_rebuilt", partition=partition, reason=reason, now="from the retained input")

    def _replay_loaded(self) -> None:
        """Where to begin is known once all is read that the partition has published."""
        for partition in [one for one in self._loaded if self._sides.reached(one)]:
            self._loaded.discard(partition)
            job, first = self._jobs[partition], self._jobs[partition].standing.first
            uncounted = self._sides.begin(partition, first, job.standing.position)
            self._replays.add(partition, min(int(job.offsets.min()), uncounted), job.standing.position)

    def _finish(self, partition: int) -> None:
        job = self._jobs[partition]
        standing_ = job.standing
        self.ready[partition] = Restored(standing_.position, job.lineage, job.offsets, standing_.generation)

    def _restart(self, partition: int) -> None:
        """Begin from what is retained now; whether that will do is asked as of any restore."""
        reason = "records that were still to be replayed are not retained any more"
        log.warning("restore_overtaken", partition=partition, reason=reason, now="begun anew")
        self.add(partition)

    def _tell(self) -> None:
        if self.busy and time.monotonic() - self._told > PROGRESS_S:
            self._told = time.monotonic()
            log.info("restoring", snapshots_left=self._log.left(), records_left=self._replays.left())
