"""The loop of a worker: poll, read, decide, write, commit; and what happens when something goes wrong.

A transaction's way: `source` polls it, `reading` decodes and validates it, `deciding` computes features,
rules and score, `writing` encodes the decision, `transaction` commits it together with its offset.
"""

import threading
import time
from contextlib import ExitStack

from fraud_core.errors import TaskFailedError, UnavailableError
from fraud_core.features import State
from fraud_core.log import logger
from fraud_core.topics import topics
from fraud_detector.dead_letters import DeadLetter
from fraud_detector.deciding import Decider
from fraud_detector.letter_log import LetterLog
from fraud_detector.metrics import Metrics, Summary
from fraud_detector.patience import Patience
from fraud_detector.reading import Reader
from fraud_detector.records import Records, group
from fraud_detector.restore import Restored, Restorer
from fraud_detector.settings import DetectorSettings
from fraud_detector.snapshotting import Snapshots
from fraud_detector.source import Source
from fraud_detector.suspects import Suspects
from fraud_detector.transaction import AbortNeededError, Transactions
from fraud_detector.writing import Writer

log = logger(__name__)
IDLE_S = 0.2
BUSY_S = 0.01
RETRY_S = 0.5


class Engine:
    """One worker: its partitions, their states, and the transaction that it has open."""

    def __init__(
        self, settings: DetectorSettings, reader: Reader, decider: Decider, writer: Writer,
        transactions: Transactions, metrics: Metrics, stop: threading.Event,
    ) -> None:  # fmt: skip
        """Join the group; nothing is read before `run`."""
        self._settings, self._stop = settings, stop
        self._reader, self._decider, self._writer = reader, decider, writer
        self._transactions, self._metrics = transactions, metrics
        self._states: dict[int, State] = {}
        self._running: set[int] = set()
        self._committed: dict[int, int] = {}
        self._held: Records = group(())
        self._holding = False
        self._held_replay: Records = group(())
        self._patience, self._replay_patience = (Patience(settings.errors.retry) for _ in range(2))
        self._letter_log = LetterLog(settings.errors.log)
        self._opened_at = 0.0
        self._suspects = Suspects(settings.batch.max_records)
        self._summary = Summary()
        self._source = Source(settings, self)
        self._restorer = Restorer(settings, self._source.consumer, self._states)
        self._snapshots = Snapshots(settings.state, settings.pipeline, topics(settings.topics).state.name)

    def run(self) -> None:
        """Turn until `stop` is set, then commit what is open and leave the group.

        Raises:
            FencedError: another process has this worker's transactional id.
            TaskFailedError: a record is at fault and `errors.tolerance` is `none`, or what may heal did not
                within `errors.retry.timeout`.
        """
        with ExitStack() as stack:
            stack.callback(self._summary.log, self._metrics, final=True)
            stack.callback(self._source.close)
            stack.callback(self._restorer.close)
            stack.callback(self._transactions.abort)
            while not self._stop.is_set():
                self._turn()
            log.info("stopping")
            self._commit()

    def on_assigned(self, partitions: list[int]) -> None:
        """New partitions are restored first, in slices between batches."""
        for partition in partitions:
            self._states[partition] = State()
            self._restore(partition)
        self._metrics.joined.set(1)

    def on_revoked(self, partitions: list[int]) -> None:
        """Finish what is open before the partitions are given up."""
        self._commit()
        self._forget(partitions)

    def on_lost(self, partitions: list[int]) -> None:
        """They are another worker's already: nothing that is open may be committed."""
        self._rewind(set(self._transactions.offsets))
        self._forget(partitions)

    def _turn(self) -> None:
        self._metrics.turned()
        self._restore_slice()
        records = self._poll()
        try:
            if len(records):
                self._process(records)
            if self._due(len(records)):
                self._commit()
            elif not len(records):
                self._snapshot_while_idle()
        except UnavailableError as error:
            self._hold(records, error)
        except AbortNeededError as error:
            self._back_off(records, error)
        self._summary.log(self._metrics)

    def _poll(self) -> Records:
        if not len(self._held):
            self._flow_again()  # what was held may be another worker's by now
        else:
            came = self._source.poll(1, RETRY_S)
            held = group([*self._held.messages, *came]).of(self._running)
            self._held, records = (group(()), held) if self._patience.is_due() else (held, group(()))
            return records
        restoring = self._restorer.busy and self._replay_patience.is_due()
        wait = 0 if restoring else BUSY_S if self._transactions.is_open else IDLE_S
        began = time.perf_counter()
        records = group(self._source.poll(self._suspects.limit, wait)).of(self._running)
        if len(records):
            self._metrics.stages.took("poll", time.perf_counter() - began)
        return records

    def _process(self, records: Records) -> None:
        started = time.perf_counter()
        guilty = self._suspects.letters(records)
        with self._metrics.stages.timed("decode"):
            read = self._reader.read(records.without(letter.message for letter in guilty))
        letters = [*guilty, *read.letters]
        self._refuse(letters)
        self._flow_again()
        try:
            decisions = self._decider.decide(read, self._states)
        except Exception as error:
            self._suspects.blame(records, error)
            raise AbortNeededError(f"A batch of {len(records)} could not be decided: {error!r}") from error
        with self._metrics.stages.timed("encode"):
            written = self._writer.write(decisions, letters)
        self._refuse(written.too_large)
        if not self._transactions.is_open:
            self._transactions.begin(self._source.consumer)
            self._opened_at = time.monotonic()
        with self._metrics.stages.timed("produce"):
            self._transactions.write_decisions(written.decisions)
            self._transactions.write(written.letters, records.offsets)
        self._suspects.cleared(records)
        self._letter_log.note([*letters, *written.too_large])
        self._metrics.add(decisions, [*letters, *written.too_large], records, time.perf_counter() - started)

    def _refuse(self, letters: list[DeadLetter]) -> None:
        if letters and self._settings.errors.tolerance == "none":
            letter = letters[0]
            raise TaskFailedError(
                f"The record {letter.place} is at fault ({letter.stage}: {letter.error}) and "
                "errors.tolerance is none. Mend or skip the record, or set FRAUD_ERRORS__TOLERANCE=all to "
                "send it to the dead letters."
            )

    def _due(self, polled: int) -> bool:
        """Commit at once when the input runs dry, in intervals while it does not."""
        if not self._transactions.is_open:
            return False
        interval = self._settings.batch.commit_interval_ms / 1_000
        return polled < self._suspects.limit or time.monotonic() - self._opened_at >= interval

    def _commit(self) -> None:
        if self._transactions.is_open:
            try:
                self._snapshot()
                offsets = dict(self._transactions.offsets)
                with self._metrics.stages.timed("commit"):
                    self._transactions.commit()
            except AbortNeededError as error:
                log.warning("aborted", reason=str(error))
                self._rewind(set(self._transactions.offsets))
            else:
                self._settle(offsets)

    def _settle(self, offsets: dict[int, int]) -> None:
        """The states are as committed now; they can be rolled back to here."""
        self._committed.update(offsets)
        for partition in offsets:
            self._states[partition].savepoint()
        self._snapshots.committed()
        self._metrics.committed()

    def _positions(self) -> dict[int, int]:
        """The offset that the state of each running partition is at."""
        positions = self._committed | self._transactions.offsets
        return {partition: positions[partition] for partition in self._running}

    def _snapshot(self) -> None:
        """Add to the open transaction the snapshots that are due, and the offsets that they go with."""
        positions = self._positions()
        if due := self._snapshots.due(self._states, positions):
            offsets = {partition: positions[partition] for partition in due}
            self._transactions.write(self._snapshots.write(self._states, positions, due), offsets)

    def _snapshot_while_idle(self) -> None:
        """A partition without input gets its snapshots too: what they need must still be retained."""
        if self._snapshots.due(self._states, self._positions()):
            self._transactions.begin(self._source.consumer)
            self._commit()

    def _back_off(self, records: Records, error: AbortNeededError) -> None:
        log.warning("aborted", reason=str(error), records=len(records))
        self._rewind(set(self._transactions.offsets) | set(records.partitions))

    def _rewind(self, touched: set[int]) -> None:
        """Put partitions back to their last committed state and offset before anything is read again."""
        self._transactions.abort()
        self._snapshots.aborted()
        self._metrics.aborted()
        self._source.pause(touched & set(self._states))
        for partition in touched & set(self._states):
            self._states[partition].roll_back()
            self._restore(partition, as_of=self._committed[partition])

    def _flow_again(self) -> None:
        if self._holding:
            self._source.resume(self._running)
            self._holding = False
            self._patience.succeeded()
            self._metrics.waiting.set(0)

    def _hold(self, records: Records, error: UnavailableError) -> None:
        """Keep a batch that can't be read now, commit what came before it, and try again."""
        log.warning("waiting", reason=str(error), records=len(records))
        self._commit()
        self._source.pause(self._running)
        self._held, self._holding = records.of(self._running), True
        self._metrics.waiting.set(1)
        self._patience.failed(error)

    def _restore(self, partition: int, as_of: int | None = None) -> None:
        self._running.discard(partition)
        self._restorer.add(partition, as_of)
        self._metrics.restoring.set(1)

    def _forget(self, partitions: list[int]) -> None:
        for partition in partitions:
            self._running.discard(partition)
            self._states.pop(partition, None)
            self._restorer.drop(partition)
            self._snapshots.forget(partition)
            self._committed.pop(partition, None)
        self._suspects.forget(partitions)

    def _restore_slice(self) -> None:
        if not (self._restorer.busy or self._restorer.ready or len(self._held_replay)):
            return
        if not self._replay_patience.is_due():
            return
        records = self._held_replay if len(self._held_replay) else self._restorer.step()
        try:
            read = self._reader.read(records.of(self._states))
            self._decider.replay(self._restorer.beyond_snapshots(read), self._states)
        except UnavailableError as error:
            log.warning("waiting", reason=str(error))
            self._held_replay = records
            self._replay_patience.failed(error)
            return
        self._held_replay = group(())
        self._replay_patience.succeeded()
        for partition, restored in list(self._restorer.ready.items()):
            self._restorer.done(partition)
            self._start(partition, restored)
        self._metrics.restoring.set(int(self._restorer.busy))

    def _start(self, partition: int, restored: Restored) -> None:
        self._states[partition].savepoint()
        self._committed[partition] = restored.position
        if self._settings.state.durable and restored.lineage and restored.offsets is not None:
            self._snapshots.begin(partition, restored.lineage, restored.offsets, restored.position)
        self._source.start(partition, restored.position)
        self._running.add(partition)
        log.info("running", partition=partition, offset=restored.position)
