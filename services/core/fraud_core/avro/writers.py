"""The schemas that values were written with, by id, and which ids the registry does not know.

Garbage that happens to begin as a record does has an id of its own in each value, and each is a request. So
they are asked for side by side, and for a bounded time in one call: the next one goes on. What the registry
does not know is forgotten once a call has all its answers: it may be there in a moment, and be what somebody
waits for who replays a dead letter.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from fraud_core.errors import UnfinishedError
from fraud_core.registry import Registry, UnknownSchemaError

AT_ONCE = 16
Writer = str | UnknownSchemaError


class Writers:
    """Texts of the writers' schemas, as one registry tells them."""

    def __init__(self, registry: Registry, ask_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """One call asks for `ask_s` seconds at most; `clock` gives seconds that only grow."""
        self._registry, self._ask_s, self._clock = registry, ask_s, clock
        self._known: dict[int, str] = {}
        self._unknown: dict[int, str] = {}

    def of(self, ids: Collection[int]) -> Mapping[int, Writer]:
        """For each id the text of its schema, or that the registry does not know it.

        Raises:
            UnavailableError: the registry had to be asked and can't be reached.
            UnfinishedError: it is to be asked for more ids than it answered in time: call again.
        """
        self._ask([one for one in ids if one not in self._known and one not in self._unknown])
        found = {one: self._writer(one) for one in ids}
        self._unknown.clear()
        return found

    def _writer(self, schema_id: int) -> Writer:
        known = self._known.get(schema_id)
        # A new one each time: an error holds on to all that stood where it was raised.
        return UnknownSchemaError(self._unknown[schema_id]) if known is None else known

    def _ask(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        end = self._clock() + self._ask_s
        with ThreadPoolExecutor(min(AT_ONCE, len(ids))) as pool:
            for first in range(0, len(ids), AT_ONCE):
                if first and self._clock() >= end:
                    # Without their number: who waits for this waits for the same thing at each call.
                    raise UnfinishedError("The registry is still to be asked for unknown schema ids.")
                some = ids[first : first + AT_ONCE]
                for schema_id, answer in zip(some, pool.map(self._answer, some), strict=True):
                    self._note(schema_id, answer)

    def _answer(self, schema_id: int) -> Writer:
        try:
            return self._registry.schema_by_id(schema_id)
        except UnknownSchemaError as error:
            return error

    def _note(self, schema_id: int, answer: Writer) -> None:
        if isinstance(answer, str):
            self._known[schema_id] = answer
        else:
            self._unknown[schema_id] = str(answer)
