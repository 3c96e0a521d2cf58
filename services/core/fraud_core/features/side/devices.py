"""Who was seen on a device: its users with the hour in which each was there last, over all input partitions.

A pair of device and user has one hour, the latest, so it does not matter in which order, or how often, pairs
come in. Of a device as many users are known as a block may hold; of more the latest stay, of equals the
greater hashes: so that too is the same in any order.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from fraud_core.features.layout import Ints
from fraud_core.features.side.hours import PLACE
from fraud_core.features.side.latest import LATEST, WORDS, note_all, unknown
from fraud_core.features.side.merchants import HOUR_MS, Floats
from fraud_core.features.side.pairs import (
    BLOCK_WORDS,
    CHANGED,
    FIELDS,
    KEPT,
    Pairs,
    empty_pairs,
    put_all,
    run,
    undo,
    unnoted,
)
from fraud_core.features.side.pairs import moved as moved_pairs

SLACK = 7 * 24
"""Hours that pairs are kept beyond, as partitions may be that far apart."""


@dataclass(frozen=True)
class Added:
    """What a batch of a partition has changed.

    Attributes:
        changes: shape (FIELDS, changes).
        latest: what was known of the partition's latest hour before.
    """

    changes: Ints
    latest: Ints


@dataclass
class Pending:
    """What a partition has changed since it last published.

    Attributes:
        committed: how many of the parts are committed.
    """

    parts: list[Added] = field(default_factory=list)
    committed: int = 0


class DeviceUsers:
    """The users of all devices."""

    def __init__(self, *, shared: bool) -> None:
        """Where `shared`, what is added can be taken back and published."""
        self._shared = shared
        self._pairs: Pairs = empty_pairs()
        self._latest: defaultdict[int, Ints] = defaultdict(unknown)
        self._pending: dict[int, Pending] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the pairs take."""
        return self._pairs.table.nbytes + self._pairs.words.nbytes

    def observe(self, devices: Ints, users: Ints, times: Ints, values: Floats, partition: int) -> None:
        """Write how many users the device of each row has had, and add each row after that."""
        hours, row = times // HOUR_MS, 0
        changes = np.empty((FIELDS, devices.size), dtype=np.int64)
        before = self._latest[partition]
        state = np.append(before, 0)
        while row < devices.size:
            self._reserve(devices.size - row)
            row = run(self._pairs, devices, users, hours, values, changes, state, row)
        after = state[:WORDS].copy()
        if self._shared and (state[CHANGED] or not np.array_equal(after, before)):
            added = Added(changes[:, : state[CHANGED]].copy(), before)
            self._pending.setdefault(partition, Pending()).parts.append(added)
        self._latest[partition] = after

    def newest_hour(self, partition: int) -> int:
        """The latest hour that the partition has come to, -1 where that is not known yet."""
        return int(self._latest[partition][LATEST])

    def learn(self, partition: int, entries: Ints) -> None:
        """Take in pairs that a partition has published: columns of device, user and hour."""
        if not entries.size:
            return
        devices, users, hours = map(np.ascontiguousarray, entries.T)
        row = 0
        while row < devices.size:
            self._reserve(devices.size - row)
            row = put_all(self._pairs, devices, users, hours, row, unnoted())
        latest = self._latest[partition] = self._latest[partition].copy()
        note_all(latest, np.sort(hours), KEPT)

    def pending(self, partition: int) -> bool:
        """Whether there is something to publish."""
        return any(part.changes.size for part in self._pending.get(partition, Pending()).parts)

    def dump(self, partition: int) -> Ints:
        """Pairs that the partition has added or made later since it last published, as `learn` takes them."""
        parts = self._pending.get(partition, Pending()).parts
        if not parts:
            return np.zeros((0, 3), dtype=np.int64)
        device, user, _, hour, *_ = np.concatenate([part.changes for part in parts], axis=1)
        pairs = pl.DataFrame({"device": device, "user": user, "hour": hour})
        # Of numpy's own `unique` a full load takes four times as long, a twentieth of all the work.
        return pairs.unique().sort(pairs.columns).to_numpy(order="c")

    def published(self, partition: int) -> None:
        """What was dumped is on the topic."""
        self._pending.pop(partition, None)

    def savepoint(self, partition: int) -> None:
        """Take what the partition has added as committed."""
        if pending := self._pending.get(partition):
            pending.committed = len(pending.parts)

    def roll_back(self, partition: int) -> None:
        """Undo what the partition has added since its savepoint."""
        if pending := self._pending.get(partition):
            self._undo(partition, pending, pending.committed)

    def forget(self, partition: int) -> None:
        """Keep of a partition only what it has published; the rest is another worker's to publish."""
        if pending := self._pending.get(partition):
            self._undo(partition, pending, 0)

    def _undo(self, partition: int, pending: Pending, keep: int) -> None:
        for part in reversed(pending.parts[keep:]):
            undo(self._pairs, part.changes)
            self._latest[partition] = part.latest
        del pending.parts[keep:]
        if not pending.parts:
            del self._pending[partition]

    def _reserve(self, rows: int) -> None:
        """Room for so many devices more, and for one block to grow; what is too old is dropped in that."""
        places, known = self._pairs.table.size // PLACE, int(self._pairs.ends[1])
        words = int(self._pairs.ends[0])
        if 3 * (known + rows) <= 2 * places and self._pairs.words.size - words >= BLOCK_WORDS:
            return
        while 3 * (known + rows) > 2 * places:
            places *= 2
        oldest = max((int(known[LATEST]) for known in self._latest.values()), default=-1) - KEPT - SLACK
        larger = empty_pairs(places, words * 3 // 2 + BLOCK_WORDS)
        moved_pairs(self._pairs, larger, oldest, unnoted())
        self._pairs = larger
