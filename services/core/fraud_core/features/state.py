"""What is remembered of the users of one input partition."""

import numpy as np

from fraud_core.features.blocks import ROW_ROOM, empty_heads
from fraud_core.features.layout import Ints, Store
from fraud_core.features.packing import (
    LARGEST_USER,
    pack_users,
    packed_size,
    room_for,
    shrink_users,
    unpack_users,
)
from fraud_core.features.users import empty_table, find_users, table_for, users_of

MOST_GROWTH = 1 << 21
"""Words by which the blocks' memory grows at most at once (16 MiB), so that no batch waits long for it."""


class State:
    """State of one input partition, all in numpy arrays; begins empty, and `advance` lets it learn.

    No view of its arrays may be kept by others: they are resized in place. From the first `savepoint` on it
    keeps what the users that are advanced were before, so that `roll_back` can put them back.
    """

    def __init__(self) -> None:
        """Begin without users."""
        self._users = 0
        self._table = empty_table()
        self._heads = empty_heads()
        self._words: Ints = np.zeros(2 * ROW_ROOM, dtype=np.int64)
        self._before: list[Ints] | None = None

    @property
    def users(self) -> int:
        """How many users are known."""
        return self._users

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the state holds."""
        return self._table.nbytes + self._words.nbytes + self._heads.nbytes

    def store(self) -> Store:
        """The arrays, for kernels; void once the state has grown."""
        return Store(self._table, self._words, self._heads)

    def find(self, keys: Ints, second_keys: Ints) -> Ints:
        """Where the table keeps the block of each user; new users are entered."""
        self._table = table_for(self._table, self._users + keys.size)
        refs = np.empty(keys.size, dtype=np.int64)
        self._users += find_users(self._table, keys, second_keys, refs)
        if self._before is not None:
            self._before.append(self._packed(np.unique(refs)))
        return refs

    def savepoint(self) -> None:
        """Take the state as it is for what `roll_back` comes back to."""
        self._before = []

    def roll_back(self) -> None:
        """Put all users back to where they were at the savepoint; a new one is one without transactions."""
        for packed in reversed(self._before or []):
            self.load(packed)
        self.savepoint()

    def dump(self, chunk: int, most_words: int) -> list[Ints]:
        """Pack the users of a chunk, in runs of at most so many words; one empty run if there are none."""
        store, refs = self.store(), users_of(self._table, chunk)
        shrink_users(store, refs)
        if packed_size(store, refs) <= most_words:
            return [self._packed(refs)]
        buffer = np.empty(max(most_words, LARGEST_USER), dtype=np.int64)
        runs, row = [], 0
        while row < refs.size:
            row, used = pack_users(store, refs, row, buffer)
            runs.append(buffer[:used].copy())
        return runs

    def reserve(self, users: int) -> None:
        """Make the table large enough for so many users in all."""
        self._table = table_for(self._table, users)

    def load(self, packed: Ints) -> None:
        """Take in packed users, in place of what is known of them; the array must be writable, for numba.

        Before many chunks are loaded, `reserve` room for all of their users: a chunk's users are neighbours
        in the table, and would crowd one corner of a small one.
        """
        users, room = room_for(packed)
        self._table = table_for(self._table, self._users + users)
        while self._words.size - self._heads[0] < room:
            self.grow()
        self._users += unpack_users(self.store(), packed)

    def _packed(self, refs: Ints) -> Ints:
        store = self.store()
        target = np.empty(packed_size(store, refs), dtype=np.int64)
        pack_users(store, refs, 0, target)
        return target

    def grow(self) -> None:
        """Make room for more blocks."""
        more = min(max(self._words.size // 4, ROW_ROOM), MOST_GROWTH)
        # Without the check for views, which counts references and is misled by debuggers; see the class.
        self._words.resize(self._words.size + more, refcheck=False)
