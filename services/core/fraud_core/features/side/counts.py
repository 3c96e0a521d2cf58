"""The merchants' transactions by hour, over all input partitions, and what of them each partition has added.

The sums over all partitions are in a ledger. What a partition adds is published by slots, a slot being a
sixteenth of the merchants in one hour, each time with its absolute counts: reading a record twice, or an old
one after a new one, does no harm.
"""

from dataclasses import dataclass, field

import numpy as np

from fraud_core.features.layout import Ints
from fraud_core.features.side.hours import (
    FLEET,
    HEADER,
    STRIDE,
    Ledger,
    add_all,
    empty_ledger,
    with_room,
)
from fraud_core.features.side.merchants import HOUR_MS, Floats, Rows, run

FIELDS = 3  # of a slot's entries: hash of the merchant, transactions, amount
SLOT_BITS = 4
"""Slots of an hour are sixteen: the record of one holds 43,000 merchants, if it may take a megabyte."""
MOST_AT_ONCE = 1 << 14


@dataclass
class Slot:
    """What a partition has published of a slot.

    Attributes:
        offset: the first input offset that it does not include.
        entries: shape (merchants, FIELDS), sorted by merchant.
    """

    offset: int
    entries: Ints


@dataclass
class Pending:
    """What a partition has added since it last published.

    Attributes:
        parts: columns of hour, merchant, transactions and amount, one array a batch.
        committed: how many of these are committed.
    """

    parts: list[Ints] = field(default_factory=list)
    committed: int = 0


class MerchantCounts:
    """Transactions of all merchants by hour."""

    def __init__(self, delay: int, kept: int, *, shared: bool) -> None:
        """`delay` of labels, and what is kept, in hours; where `shared`, what is added can be published."""
        self._delay, self._kept, self._shared = delay, kept, shared
        self._room = 2 * (HEADER + STRIDE * 4 * kept)
        self._ledger: Ledger = empty_ledger()
        self._published: dict[tuple[int, int], Slot] = {}
        self._pending: dict[int, Pending] = {}
        self._newest: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the sums take."""
        return self._ledger.table.nbytes + self._ledger.words.nbytes

    def observe(
        self, rows: Rows, values: Floats, since: Floats, partition: int, first: int, end: int
    ) -> None:
        """Write the merchants' features of these rows, and add each row once its features are written."""
        row = first
        while row < end:
            self._reserve(end - row)
            row = run(self._ledger, rows, values, since, row, end, self._delay, self._kept)
        self._note(partition, rows.merchants[first:end], rows.times[first:end], rows.units[first:end])

    def count(self, partition: int, merchants: Ints, times: Ints, units: Ints) -> None:
        """Add transactions whose features nobody asks for."""
        self._add(self._note(partition, merchants, times, units))

    def savepoint(self, partition: int) -> None:
        """Take what the partition has added as committed."""
        pending = self._pending.get(partition, Pending())
        pending.committed = len(pending.parts)

    def roll_back(self, partition: int) -> None:
        """Undo what the partition has added since its savepoint."""
        self._undo(partition, self._pending.get(partition, Pending()).committed)

    def forget(self, partition: int) -> None:
        """Keep of a partition only what it has published; the rest is another worker's to publish."""
        self._undo(partition, 0)
        self._pending.pop(partition, None)

    def newest_hour(self, partition: int) -> int:
        """The latest hour that the partition has added to, -1 if it has added nothing yet."""
        return self._newest.get(partition, -1)

    def dump(self, partition: int) -> dict[int, Ints]:
        """For each slot that the partition has added to since it last published, all that it has of it."""
        parts = self._pending.get(partition, Pending()).parts
        if not parts:
            return {}
        hours, *columns = np.concatenate(parts, axis=1)
        kept = hours > self.newest_hour(partition) - self._kept
        slots, entries = _slots(hours[kept], columns[0][kept]), np.stack(columns)[:, kept]
        return {
            int(slot): self._with_published(partition, int(slot), entries[:, slots == slot])
            for slot in np.unique(slots)
        }

    def published(self, partition: int, offset: int, slots: dict[int, Ints]) -> None:
        """What was dumped is on the topic, and includes the input up to this offset."""
        for slot, entries in slots.items():
            self._published[partition, slot] = Slot(offset, entries)
        self._pending.pop(partition, None)

    def learn(self, partition: int, slot: int, offset: int, entries: Ints) -> None:
        """Take in what a partition has published of a slot, unless something later is known."""
        known = self._published.get((partition, slot))
        if known is None or offset > known.offset:
            self._add(_columns(slot, entries))
            if known is not None:
                self._add(_less(_columns(slot, known.entries)))
            self._published[partition, slot] = Slot(offset, entries)

    def old_slots(self, partition: int) -> list[int]:
        """Slots that a partition has published and nobody will ask for, or that were reset."""
        oldest = self.newest_hour(partition) - self._kept
        return [
            slot
            for (owner, slot), known in self._published.items()
            if owner == partition and (slot >> SLOT_BITS <= oldest or not known.entries.size)
        ]

    def drop(self, partition: int, slot: int) -> None:
        """What was published of a slot is gone from the topic."""
        known = self._published.pop((partition, slot), None)
        if known is not None:
            self._add(_less(_columns(slot, known.entries)))

    def reset(self, partition: int) -> None:
        """Count nothing of what a partition has published; its slots are old until it publishes them anew."""
        for (owner, slot), known in self._published.items():
            if owner == partition:
                self._add(_less(_columns(slot, known.entries)))
                known.entries = np.zeros((0, FIELDS), dtype=np.int64)

    def _with_published(self, partition: int, slot: int, columns: Ints) -> Ints:
        known = self._published.get((partition, slot))
        if known is not None:
            columns = np.concatenate([known.entries.T, columns], axis=1)
        merchants, which = np.unique(columns[0], return_inverse=True)
        entries = np.zeros((merchants.size, FIELDS), dtype=np.int64)
        entries[:, 0] = merchants
        np.add.at(entries[:, 1:], which, columns[1:].T)
        return entries

    def _note(self, partition: int, merchants: Ints, times: Ints, units: Ints) -> Ints:
        known = merchants != 0
        ones = np.ones(int(known.sum()), dtype=np.int64)
        part = np.stack([times[known] // HOUR_MS, merchants[known], ones, units[known]])
        if ones.size and self._shared:
            self._newest[partition] = max(self.newest_hour(partition), int(part[0].max()))
            self._pending.setdefault(partition, Pending()).parts.append(part)
        return part

    def _undo(self, partition: int, keep: int) -> None:
        pending = self._pending.get(partition, Pending())
        for part in pending.parts[keep:]:
            self._add(_less(part))
        del pending.parts[keep:]
        pending.committed = min(pending.committed, keep)

    def _add(self, part: Ints) -> None:
        """Add to the merchants' sums and the fleet's."""
        for begin in range(0, part.shape[1], MOST_AT_ONCE):
            piece = part[:, begin : begin + MOST_AT_ONCE]
            self._add_to(piece[1], piece)
            self._add_to(np.full(piece.shape[1], FLEET, dtype=np.int64), piece)

    def _add_to(self, keys: Ints, piece: Ints) -> None:
        # Contiguous, as numba would compile all anew for a view with steps.
        hours, whose, counts, units = map(np.ascontiguousarray, (piece[0], keys, piece[2], piece[3]))
        row = 0
        while row < whose.size:
            self._reserve(whose.size - row)
            row = add_all(self._ledger, whose, hours, counts, units, row, self._kept)

    def _reserve(self, keys: int) -> None:
        self._ledger = with_room(self._ledger, keys + 1, self._room)


def _slots(hours: Ints, merchants: Ints) -> Ints:
    return (hours << SLOT_BITS) | (merchants & ((1 << SLOT_BITS) - 1))


def _columns(slot: int, entries: Ints) -> Ints:
    """Entries of a slot as columns of what is pending."""
    return np.stack([np.full(len(entries), slot >> SLOT_BITS, dtype=np.int64), *entries.T])


def _less(part: Ints) -> Ints:
    """The same with transactions and amount taken away."""
    return np.concatenate([part[:2], -part[2:]])
