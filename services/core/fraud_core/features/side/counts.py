"""Transactions by hour of merchants or categories, over all partitions, and what each of these has added.

The sums over all partitions are in a ledger. What a partition adds is published by segments: the segment of
an hour holds all that was added while that was the latest hour of the partition, for whatever hours. In live
traffic it is written anew, with all that it holds, until the next hour begins; in a fast replay one segment
takes many hours. Reading a record twice, or an old one after a new one, does no harm.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Concatenate, TypeVar

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.features.side.categories import Rows as CategoryRows
from fraud_core.features.side.hours import (
    FLEET,
    Ledger,
    add_all,
    agreed_hour,
    empty_ledger,
    has_room,
    room_for,
    with_room,
)
from fraud_core.features.side.latest import AHEAD, LATEST, ODD, earliest_next, note_all, unknown
from fraud_core.features.side.merchants import HOUR_MS, MAX_TIME, Floats, Rows

HOUR, KEY, TRANSACTIONS, AMOUNT = range(4)
FIELDS = 4  # columns of what is added
SLOT_BITS = 8
"""A segment is cut into slots, each a record, whose number is `hour << SLOT_BITS | place`."""
MOST_ENTRIES = 30_000
"""Keys and hours in one slot, which takes a megabyte at most then."""
MOST_AT_ONCE = 1 << 14
HELD = 2
"""Times the hours that are kept, up to what all partitions have reached: a key without any is let go of."""
MOST_PARTS = 64
"""Committed batches that are held as they came: a restore may count many before it can publish them."""

R = TypeVar("R", Rows, CategoryRows)
Run = Callable[Concatenate[Ledger, R, ...], int]
"""`merchants.run`, or that of categories, each with rows of its own."""


@dataclass
class Slot:
    """What a partition has published of a slot.

    Attributes:
        offset: the first input offset that it does not include.
        entries: shape (FIELDS, keys and hours), sorted by hour and key.
    """

    offset: int
    entries: Ints


@dataclass(frozen=True)
class Added:
    """What a batch of a partition has added.

    Attributes:
        columns: of hour, key, transactions and amount.
        latest: what was known of the partition's latest hour before.
    """

    columns: Ints
    latest: Ints


@dataclass
class Pending:
    """What a partition has added since it last published.

    Attributes:
        parts: one a batch.
        committed: how many of these are committed.
    """

    parts: list[Added] = field(default_factory=list)
    committed: int = 0


class Counts:
    """Transactions by hour of keys, which are hashes, 0 where unknown, and of all keys together."""

    def __init__(self, delay: int, kept: int, *, shared: bool) -> None:
        """`delay` of labels, and what is kept, in hours; where `shared`, what is added can be published."""
        self._delay, self._kept, self._shared = delay, kept, shared
        self._room = 2 * room_for(kept)
        self._ledger: Ledger = empty_ledger()
        self._published: dict[int, dict[int, Slot]] = {}
        self._pending: dict[int, Pending] = {}
        self._latest: defaultdict[int, Ints] = defaultdict(unknown)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the sums take."""
        return self._ledger.table.nbytes + self._ledger.words.nbytes

    def count(self, partition: int, keys: Ints, times: Ints, units: Ints) -> None:
        """Add transactions whose features nobody asks for."""
        self._add(self._note(partition, keys, times, units))

    def observe(
        self,
        run: Run[R],
        rows: R,
        values: Sequence[Floats],
        partition: int,
        first: int,
        end: int,
    ) -> None:
        """Let `run` write the features of these rows, and add each row once its features are written."""
        row, earliest = first, int(rows.times[first:end].min(initial=MAX_TIME)) // HOUR_MS
        while row < end:
            self._reserve(end - row, earliest)
            row = run(self._ledger, rows, *values, row, end, self._delay, self._kept)
        self._note(partition, rows.keys[first:end], rows.times[first:end], rows.units[first:end])

    def savepoint(self, partition: int) -> None:
        """Take what the partition has added as committed."""
        pending = self._pending.get(partition, Pending())
        if len(pending.parts) > MOST_PARTS:
            pending.parts = [_folded(pending.parts)]
        pending.committed = len(pending.parts)

    def roll_back(self, partition: int) -> None:
        """Undo what the partition has added since its savepoint."""
        self._undo(partition, self._pending.get(partition, Pending()).committed)

    def forget(self, partition: int) -> None:
        """Keep of a partition only what it has published; the rest is another worker's to publish."""
        self._undo(partition, 0)
        self._pending.pop(partition, None)
        self._latest.setdefault(
            partition, unknown()
        )  # nothing is let go of before it is known where it goes on

    def newest_hour(self, partition: int) -> int:
        """The latest hour that the partition has come to, -1 where that is not known yet."""
        return int(self._latest[partition][LATEST])

    def reached(self) -> int:
        """An hour that every partition has come to, -1 as long as that is not known of one.

        These are those that this worker counts or is about to, and those that have published something. One
        whose times are wrong and far ahead moves it as little as it moves the present of all keys together.
        """
        slowest = min(map(earliest_next, self._latest.values()), default=-1)
        return min(slowest, int(agreed_hour(self._ledger, FLEET)))

    def dump(self, partition: int) -> dict[int, Ints]:
        """All that the partition has of its latest segment, by slots; nothing if it has added nothing.

        What is too old to be asked for is left out, unless it is in doubt what the latest hour is.
        """
        parts = self._pending.get(partition, Pending()).parts
        if not parts:
            return {}
        hour, published = max(self.newest_hour(partition), 0), self._of(partition)
        known = [one.entries for slot, one in published.items() if slot >> SLOT_BITS == hour]
        added = np.concatenate([part.columns for part in parts], axis=1)
        if not self._latest[partition][ODD]:
            added = added[:, added[HOUR] > hour - self._kept]
        entries = _summed(np.concatenate([*known, added], axis=1))
        return {
            hour << SLOT_BITS | number: entries[:, begin : begin + MOST_ENTRIES]
            for number, begin in enumerate(range(0, entries.shape[1], MOST_ENTRIES))
        }

    def published(self, partition: int, offset: int, slots: dict[int, Ints]) -> None:
        """What was dumped is on the topic, and includes the input up to this offset."""
        for slot, entries in slots.items():
            self._of(partition)[slot] = Slot(offset, entries)
        self._pending.pop(partition, None)

    def learn(self, partition: int, slot: int, offset: int, entries: Ints) -> None:
        """Take in what a partition has published of a slot, unless something later is known."""
        published = self._of(partition)
        known = published.get(slot)
        if known is None or offset > known.offset:
            self._add(entries)
            if known is not None:
                self._add(_less(known.entries))
            published[slot] = Slot(offset, entries)
            latest = self._latest[partition]
            latest[LATEST] = max(latest[LATEST], slot >> SLOT_BITS)

    def old_slots(self, partition: int) -> list[int]:
        """Slots that a partition has published and nobody will ask for, or that were reset.

        Hours that seem far ahead hold a slot for twice the time, as they may be right. Nothing is old as long
        as it is in doubt what the latest hour is.
        """
        latest = self._latest[partition]
        return [
            slot
            for slot, known in self._of(partition).items()
            if not known.entries.size or (not latest[ODD] and self._is_old(slot, known, int(latest[LATEST])))
        ]

    def _is_old(self, slot: int, known: Slot, newest: int) -> bool:
        oldest, hour, hours = newest - self._kept, slot >> SLOT_BITS, known.entries[HOUR]
        if hour > oldest:
            return False
        later = hours[hours > oldest]
        return not later.size or (0 < hour <= oldest - self._kept and int(later.min()) > newest + AHEAD)

    def drop(self, partition: int, slot: int) -> None:
        """What was published of a slot is gone from the topic."""
        known = self._of(partition).pop(slot, None)
        if known is not None:
            self._add(_less(known.entries))

    def reset(self, partition: int) -> None:
        """Count nothing of what a partition has published; its slots are old until it publishes them anew.

        Where its input goes on is not known either, then.
        """
        self._latest[partition] = unknown()
        for known in self._of(partition).values():
            self._add(_less(known.entries))
            known.entries = np.zeros((FIELDS, 0), dtype=np.int64)

    def _of(self, partition: int) -> dict[int, Slot]:
        return self._published.setdefault(partition, {})

    def _note(self, partition: int, keys: Ints, times: Ints, units: Ints) -> Ints:
        known = keys != 0
        ones = np.ones(int(known.sum()), dtype=np.int64)
        part = np.stack([times[known] // HOUR_MS, keys[known], ones, units[known]])
        latest = self._latest[partition]
        if ones.size and self._shared:
            self._pending.setdefault(partition, Pending()).parts.append(Added(part, latest.copy()))
        note_all(latest, part[HOUR], self._kept)
        return part

    def _undo(self, partition: int, keep: int) -> None:
        pending = self._pending.get(partition, Pending())
        for part in pending.parts[keep:]:
            self._add(_less(part.columns))
        if pending.parts[keep:]:
            self._latest[partition] = pending.parts[keep].latest
        del pending.parts[keep:]
        pending.committed = min(pending.committed, keep)

    def _add(self, part: Ints) -> None:
        """Add to the keys' sums and the fleet's."""
        for begin in range(0, part.shape[1], MOST_AT_ONCE):
            piece = part[:, begin : begin + MOST_AT_ONCE]
            self._add_to(piece[KEY], piece)
            self._add_to(np.full(piece.shape[1], FLEET, dtype=np.int64), piece)

    def _add_to(self, keys: Ints, piece: Ints) -> None:
        # Contiguous, as numba would compile all anew for a view with steps.
        hours, whose, counts, units = map(np.ascontiguousarray, (piece[HOUR], keys, *piece[TRANSACTIONS:]))
        row, earliest = 0, int(hours.min())
        while row < whose.size:
            self._reserve(whose.size - row, earliest)
            row = add_all(self._ledger, whose, hours, counts, units, row, self._kept)

    def _reserve(self, keys: int, earliest: int) -> None:
        """Make room for so many keys, in transactions of this hour and later."""
        if not has_room(self._ledger, keys + 1, self._room):
            oldest = min(self.reached(), earliest) - HELD * self._kept
            self._ledger = with_room(self._ledger, keys + 1, self._room, oldest)


def _folded(parts: list[Added]) -> Added:
    """The same as one part, with each key once an hour."""
    return Added(_summed(np.concatenate([part.columns for part in parts], axis=1)), parts[0].latest)


def _summed(columns: Ints) -> Ints:
    """The transactions and amount of each key in each hour, once, sorted by hour and key."""
    if not columns.size:
        return columns
    ordered = columns[:, np.lexsort((columns[KEY], columns[HOUR]))]
    new = np.any(ordered[:TRANSACTIONS, 1:] != ordered[:TRANSACTIONS, :-1], axis=0)
    begins = np.concatenate([[0], np.flatnonzero(new) + 1])
    entries = ordered[:, begins]
    entries[TRANSACTIONS:] = np.add.reduceat(ordered[TRANSACTIONS:], begins, axis=1)
    return entries


def _less(part: Ints) -> Ints:
    """The same with transactions and amount taken away."""
    return np.concatenate([part[:TRANSACTIONS], -part[TRANSACTIONS:]])
