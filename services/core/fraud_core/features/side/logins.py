"""How often somebody tried to log in to an account, by the minute."""

import numpy as np
import polars as pl

from fraud_core.features.layout import Ints
from fraud_core.features.side.hours import (
    Ledger,
    add_all,
    block_of,
    empty_ledger,
    has_room,
    room_for,
    totals,
    with_room,
)
from fraud_core.features.side.keys import SEED
from fraud_core.features.side.merchants import MAX_TIME, SLACK, Floats
from fraud_core.features.strings import hashes, text_of
from fraud_core.kernels import kernel

MINUTE_MS = 60_000
PANES = 60
KEPT = 24 * 60
"""Minutes up to the user's present that are kept."""
HELD = 24 + SLACK
"""Hours up to what transactions have reached: who tried to log in there or later is not let go of. Single
transactions may be that late."""
ROOM = room_for(KEPT)
WARM_UP = 100
"""Logins, more than there is room for at first."""


class Logins:
    """Attempts of all users, and how many of them failed."""

    def __init__(self) -> None:
        """Begin without any."""
        self._ledger: Ledger = empty_ledger()

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the attempts take."""
        return self._ledger.table.nbytes + self._ledger.words.nbytes

    def learn(self, frame: pl.DataFrame, reached: int = -1) -> None:
        """Take in logins, in any order; columns of `schemas/Login.avsc`.

        Transactions of every partition have `reached` this hour: who last tried to log in long before may be
        let go of, nobody where it is not known. The logins themselves don't say it, as those of a backlog are
        read first.
        """
        users, panes = hashes(text_of(frame["user"]), SEED), _panes(frame)
        failed = (~frame["success"]).cast(pl.Int64).to_numpy(writable=True)
        ones, row = np.ones(users.size, dtype=np.int64), 0
        while row < users.size:
            self._reserve(users.size - row, reached)
            row = add_all(self._ledger, users, panes, ones, failed, row, KEPT)

    def warm_up(self) -> None:
        """Learn made-up logins, so that all machine code exists before one comes."""
        names = [f"nobody {number}" for number in range(WARM_UP)]
        self.learn(pl.DataFrame({"user": names, "success": True, "timestamp": 0}))

    def observe(self, attempts: Floats, failed: Floats, users: Ints, times: Ints) -> None:
        """Write for each transaction its user's logins of the last hour, and those of them that failed."""
        count(self._ledger, users, times // MINUTE_MS, attempts, failed)

    def _reserve(self, users: int, reached: int) -> None:
        if not has_room(self._ledger, users, ROOM):
            self._ledger = with_room(self._ledger, users, ROOM, (reached - HELD) * PANES)


@kernel
def count(ledger: Ledger, users: Ints, panes: Ints, attempts: Floats, failed: Floats) -> None:
    """Sum the panes up to each row's own."""
    for row in range(users.size):
        block, pane = block_of(ledger, users[row]), panes[row]
        attempts[row], failed[row] = totals(ledger, block, pane - PANES, pane)


def _panes(frame: pl.DataFrame) -> Ints:
    times = frame["timestamp"].cast(pl.Datetime("ms")).to_numpy(writable=True).view(np.int64)
    panes: Ints = np.clip(times, 0, MAX_TIME) // MINUTE_MS
    return panes
