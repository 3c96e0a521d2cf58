"""The loop of a worker: poll, read, decide, write, commit; and what happens when something goes wrong.

A transaction's way: `source` polls it, `reading` decodes and validates it, `deciding` computes features,
rules and score, `writing` encodes the decision, `transaction` commits it together with its offset.
"""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from fraud_core.connect.member import Membership
from fraud_core.connect.records import State as TaskState
from fraud_core.connect.records import Target, TargetState
from fraud_core.errors import UnavailableError, UnfinishedError
from fraud_core.features import State
from fraud_core.log import logger
from fraud_core.rollouts.applied import metadata_of
from fraud_core.topics import topics
from fraud_detector.alignment import Alignment
from fraud_detector.dead_letters import DeadLetter, RecordFaultError, before, refusal
from fraud_detector.deciding import Decider
from fraud_detector.flow import Flow
from fraud_detector.halts import Halts
from fraud_detector.lag import Ends
from fraud_detector.learning import Learning
from fraud_detector.letter_log import LetterLog
from fraud_detector.metrics import Metrics, Summary
from fraud_detector.partition_metrics import Held
from fraud_detector.patience import Patience
from fraud_detector.reading import Read, Reader
from fraud_detector.records import Records, group
from fraud_detector.restore import Restored, Restorer
from fraud_detector.serving import Models
from fraud_detector.settings import DetectorSettings
from fraud_detector.sides import Sides
from fraud_detector.snapshotting import Snapshots
from fraud_detector.source import Source
from fraud_detector.suspects import Suspects
from fraud_detector.transaction import AbortNeededError, Transactions
from fraud_detector.writing import Writer

log = logger(__name__)
IDLE_S = 0.2
BUSY_S = 0.01
RETRY_S = 0.5
HOUR_MS = 3_600_000


class Engine:
    """One worker: its partitions, their states, and the transaction that it has open."""

    def __init__(
        self, settings: DetectorSettings, reader: Reader, decider: Decider, writer: Writer,
        transactions: Transactions, metrics: Metrics, member: Membership, sides: Sides,
        stop: threading.Event, rolled_out: Callable[[], Models | None],
    ) -> None:  # fmt: skip
        """Join the group; nothing is read before `run`. `rolled_out` gives new models that are ready."""
        self._rolled_out = rolled_out
        transactions.metadata = metadata_of(decider.serving.models.generation)
        self._settings, self._stop = settings, stop
        self._reader, self._decider, self._writer = reader, decider, writer
        self._transactions, self._metrics = transactions, metrics
        self._states: dict[int, State] = {}
        self._committed: dict[int, int] = {}
        self._held: Records = group(())
        self._held_replay: Records = group(())
        self._patience, self._replay_patience = (Patience(settings.errors.retry) for _ in range(2))
        self._letter_log = LetterLog(settings.errors.log)
        self._opened_at = 0.0
        self._away = False
        self._suspects = Suspects(settings.batch.max_records)
        self._summary = Summary()
        self._control, self._halts = member.control, Halts()
        self._source = Source(settings, self)
        self._flow = Flow(self._source, member.tasks)
        self._alignment = Alignment(settings.side.label_delay_h * HOUR_MS // 2, self._source.more)
        self._ends = Ends(settings.kafka, settings.topics.transactions, lambda: list(self._states))
        metrics.partitions.held = self._held_partitions
        self._sides = sides
        self._learning = Learning(decider, sides, self._states)
        self._restorer = Restorer(settings, self._source.consumer, self._states, sides)
        metrics.restoring.set_function(self._is_restoring)
        metrics.waiting.set_function(lambda: self._flow.is_idle)
        self._snapshots = Snapshots(settings.state, settings.pipeline, topics(settings.topics).state.name)

    def run(self) -> None:
        """Turn until `stop` is set, then commit what is open and leave the group.

        Raises:
            FencedError: another process has this worker's transactional id.
            TaskFailedError: what may heal did not within `errors.retry.timeout`.
        """
        with ExitStack() as stack:
            stack.callback(self._summary.log, self._metrics, final=True)
            # After the group is left, as partitions are given up in that, also ones that are being restored.
            stack.callback(self._sides.close)
            stack.callback(self._ends.close)
            stack.callback(self._restorer.close)
            stack.callback(self._source.close)
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
        self._obey()
        self._follow_rollout()
        self._sides.follow()
        self._restore_slice()
        self._align()
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
        except RecordFaultError as error:
            self._halt(records, error)
        except AbortNeededError as error:
            self._back_off(records, error)
        self._summary.log(self._metrics)

    def _align(self) -> None:
        """Let partitions go on that have waited for others."""
        if self._alignment.ahead:
            self._alignment.release()
        self._flow.align(self._alignment.ahead, self._alignment.waiting)

    def _obey(self) -> None:
        """Do what the pipeline was told since the last batch."""
        target = self._control.target
        if (target is Target.STOPPED) != self._away:
            self._away = not self._away
            self._commit()
            (self._source.leave if self._away else self._source.join)()
            self._flow.stop(stopped=self._away)
        if (target is Target.PAUSED) != self._flow.paused:
            self._commit()
            self._flow.pause(paused=not self._flow.paused)
        for order in self._control.restarts():
            self._restart(order)

    def _follow_rollout(self) -> None:
        """Run what was rolled out since the last batch; what is open is of the rollout before."""
        if models := self._rolled_out():
            self._commit()
            self._decider.serving.apply(models)
            self._transactions.metadata = metadata_of(models.generation)

    def _is_behind(self, partition: int, restored: Restored) -> bool:
        """Whether the partition was decided under a rollout that this worker does not run yet."""
        applied = self._decider.serving.models.generation
        if applied is None or restored.generation <= applied:
            return False
        self._flow.tasks.put(
            partition,
            TaskState.UNASSIGNED,
            f"it was decided under rollout {restored.generation}, and {applied} runs here",
        )
        return True

    def _restart(self, order: TargetState) -> None:
        """Put the tasks that are meant back to their last committed state, and let them try again."""
        if order.task is None and not order.include_tasks:
            return
        self._commit()
        meant = {order.task} if order.task is not None else set(self._flow.running)
        chosen = meant & (set(self._flow.failed) if order.only_failed else self._flow.running)
        log.info("restarting", partitions=sorted(chosen))
        self._halts.forget(chosen)
        self._suspects.forget(chosen)
        self._put_back(chosen)

    def _poll(self) -> Records:
        if len(self._held):
            return self._poll_held()
        self._flow_again()  # what was held may be another worker's by now
        restoring = self._restorer.busy and self._replay_patience.is_due()
        wait = 0 if restoring else BUSY_S if self._transactions.is_open else IDLE_S
        began = time.perf_counter()
        records = group(self._source.poll(self._suspects.limit, wait)).of(self._flow.running)
        self._source.follow(records)
        if len(records):
            self._metrics.stages.took("poll", time.perf_counter() - began)
        return self._up_to_halts(records)

    def _poll_held(self) -> Records:
        """What waits for the registry, once it is time to try again."""
        came = self._source.poll(1, RETRY_S)
        held = group([*self._held.messages, *came]).of(self._flow.running)
        due = self._patience.is_due() and not self._flow.paused
        self._held, records = (group(()), held) if due else (held, group(()))
        return records

    def _up_to_halts(self, records: Records) -> Records:
        kept, reached = self._halts.cut(records)
        for partition, trace in reached.items():
            log.error("task_failed", partition=partition, reason=trace)
            self._flow.fail(partition, trace)
            self._suspects.forget([partition])  # what failed there is not reached any more
        return kept

    def _process(self, records: Records) -> None:
        started = time.perf_counter()
        read, letters = self._read(records)
        if cuts := self._alignment.cut(read):
            self._hold_ahead(records, cuts)
            records, read = records.pick(records.places_before(cuts)), read.before(cuts)
            letters = before(letters, cuts)
        if not len(records):
            return
        self._refuse(letters)
        self._flow_again()
        self._learn(self._suspects.to_learn(records))
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

    def _learn(self, guilty: Records) -> None:
        """From what can't be decided, as a restore does, which can't tell it from the rest."""
        if not len(guilty):
            return
        try:
            self._learning.live(self._reader.read(guilty))
        except UnavailableError:
            raise
        except Exception as error:
            self._suspects.not_to_learn(guilty)
            raise AbortNeededError(f"A record at fault can't be learnt from: {error!r}") from error

    def _read(self, records: Records) -> tuple[Read, list[DeadLetter]]:
        guilty = self._suspects.letters(records)
        with self._metrics.stages.timed("decode"):
            read = self._reader.read(records.without(letter.message for letter in guilty))
        return read, [*guilty, *read.letters]

    def _hold_ahead(self, records: Records, cuts: dict[int, int]) -> None:
        """What was read too far ahead comes again, once the other partitions have come as far."""
        self._flow.align(self._alignment.ahead, self._alignment.waiting)
        for partition, offset in cuts.items():
            self._source.keep(partition, records.since(partition, offset))

    def _refuse(self, letters: list[DeadLetter]) -> None:
        if letters and self._settings.errors.tolerance == "none":
            raise RecordFaultError(letters)

    def _halt(self, records: Records, error: RecordFaultError) -> None:
        """Undo the batch; the tasks stop where their faults are once what comes before them is decided."""
        for letter in error.letters:
            message = letter.message
            self._halts.add(message.partition() or 0, message.offset() or 0, refusal(letter))
        self._rewind(set(self._transactions.offsets) | set(records.partitions.tolist()))

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
        self._sides.savepoint(offsets)
        self._sides.committed()
        self._decider.serving.committed()
        self._snapshots.committed()
        self._metrics.committed()

    def _held_partitions(self) -> list[Held]:
        """For whoever asks for metrics, in a thread of its own."""
        return [
            Held(partition, self._lag(partition), state.users, state.nbytes)
            for partition, state in list(self._states.items())
        ]

    def _is_restoring(self) -> bool:
        """Whether a partition of ours does not run yet; asked in other threads, too."""
        return not self._flow.running.issuperset(list(self._states))

    def _lag(self, partition: int) -> int | None:
        end, committed = self._ends.of(partition), self._restorer.position(partition)
        if committed is None:
            committed = self._committed.get(partition)
        return None if end is None or committed is None else max(end - committed, 0)

    def _positions(self) -> dict[int, int]:
        """The offset that the state of each running partition is at."""
        positions = self._committed | self._transactions.offsets
        return {partition: positions[partition] for partition in self._flow.running}

    def _snapshot(self) -> None:
        """Add to the open transaction the snapshots that are due, and the offsets that they go with."""
        positions = self._positions()
        if due := self._snapshots.due(self._states, positions):
            offsets = {partition: positions[partition] for partition in due}
            self._transactions.write(self._snapshots.write(self._states, positions, due), offsets)
        if counts := self._sides.due(positions):
            self._transactions.write(self._sides.write(counts), counts)

    def _snapshot_while_idle(self) -> None:
        """A partition without input gets its snapshots too: what they need must still be retained."""
        positions = self._positions()
        if self._snapshots.due(self._states, positions) or self._sides.due(positions):
            self._transactions.begin(self._source.consumer)
            self._commit()

    def _back_off(self, records: Records, error: AbortNeededError) -> None:
        log.warning("aborted", reason=str(error), records=len(records))
        self._rewind(set(self._transactions.offsets) | set(records.partitions.tolist()))

    def _rewind(self, touched: set[int]) -> None:
        """Put partitions back to their last committed state and offset before anything is read again."""
        self._transactions.abort()
        self._snapshots.aborted()
        self._sides.aborted()
        self._decider.serving.aborted()
        self._metrics.aborted()
        self._put_back(touched & set(self._states))

    def _put_back(self, partitions: set[int]) -> None:
        for partition in partitions:
            self._states[partition].roll_back()
            self._sides.roll_back(partition)
            self._restore(partition, as_of=self._committed[partition])

    def _flow_again(self) -> None:
        if self._flow.waits_for:
            self._flow.wait_for("")
            self._patience.succeeded()

    def _hold(self, records: Records, error: UnavailableError) -> None:
        """Keep a batch that can't be read now, commit what came before it, and try again."""
        log.warning("waiting", reason=str(error), records=len(records))
        self._commit()
        self._flow.wait_for(str(error), works=isinstance(error, UnfinishedError))
        held = records.pick(records.places_before(self._source.kept))
        self._held = held.of(self._flow.running)
        self._patience.failed(error)

    def _restore(self, partition: int, as_of: int | None = None) -> None:
        self._flow.hold_back([partition])
        self._held = self._held.of(self._flow.running)  # else it came once more when it is read again
        self._alignment.forget([partition])
        self._restorer.add(partition, as_of)

    def _forget(self, partitions: list[int]) -> None:
        self._alignment.forget(partitions)
        self._halts.forget(partitions)
        for partition in partitions:
            self._states.pop(partition, None)
            self._restorer.drop(partition)
            self._snapshots.forget(partition)
            self._sides.forget(partition)
            self._committed.pop(partition, None)
        self._flow.forget(partitions)
        self._suspects.forget(partitions)
        self._held_replay = self._held_replay.of(self._states)

    def _restore_slice(self) -> None:
        if not (self._restorer.busy or self._restorer.ready or len(self._held_replay)):
            return
        if not self._replay_patience.is_due():
            return
        records = self._held_replay if len(self._held_replay) else self._restorer.step()
        try:
            read = self._reader.read(records.of(self._states))
            self._learning.replay(read, self._restorer.beyond_snapshots)
        except UnavailableError as error:
            log.warning("waiting", reason=str(error))
            self._held_replay = records
            self._replay_patience.failed(error)
            return
        self._held_replay = group(())
        self._replay_patience.succeeded()
        for partition, restored in list(self._restorer.ready.items()):
            if not self._is_behind(partition, restored):
                self._restorer.done(partition)
                self._start(partition, restored)

    def _start(self, partition: int, restored: Restored) -> None:
        self._states[partition].savepoint()
        self._sides.start(partition, restored.position)
        self._committed[partition] = restored.position
        if self._settings.state.durable and restored.lineage and restored.offsets is not None:
            self._snapshots.begin(partition, restored.lineage, restored.offsets, restored.position)
        self._alignment.begin(partition, restored.position)
        self._flow.begin(partition, restored.position)
        log.info("running", partition=partition, offset=restored.position)
