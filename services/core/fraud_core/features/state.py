"""What is remembered of the users of one input partition."""

import numpy as np

from fraud_core.features.blocks import ROW_ROOM, empty_heads
from fraud_core.features.layout import Ints, Store
from fraud_core.features.users import empty_table, find_users, table_for

MOST_GROWTH = 1 << 21
"""Words by which the blocks' memory grows at most at once (16 MiB), so that no batch waits long for it."""


class State:
    """State of one input partition, all in numpy arrays; begins empty, and only `advance` changes it.

    No view of its arrays may be kept by others: they are resized in place.
    """

    def __init__(self) -> None:
        """Begin without users."""
        self._users = 0
        self._table = empty_table()
        self._heads = empty_heads()
        self._words: Ints = np.zeros(2 * ROW_ROOM, dtype=np.int64)

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
        return refs

    def grow(self) -> None:
        """Make room for more blocks."""
        more = min(max(self._words.size // 4, ROW_ROOM), MOST_GROWTH)
        # Without the check for views, which counts references and is misled by debuggers; see the class.
        self._words.resize(self._words.size + more, refcheck=False)
