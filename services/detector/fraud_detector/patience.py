"""How long what may heal is tried again: Connect's `errors.retry.timeout` and `errors.retry.delay.max.ms`."""

import time
from collections.abc import Callable

from fraud_core.error_handling import RetrySettings
from fraud_core.errors import TaskFailedError, UnavailableError, UnfinishedError

FIRST_DELAY_S = 0.3
"""Connect's; each next one is twice as long, up to the longest."""


class Patience:
    """When to try again, and when to give up."""

    def __init__(self, settings: RetrySettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing failed yet; `clock` gives seconds that only grow."""
        self._timeout_ms, self._longest_s = settings.timeout, settings.delay.max.ms / 1_000
        self._clock = clock
        self.succeeded()

    def succeeded(self) -> None:
        """It worked: the next failure is a first one."""
        self._since: float | None = None
        self._next = 0.0
        self._delay = min(FIRST_DELAY_S, self._longest_s)

    def is_due(self) -> bool:
        """Whether it is time to try."""
        return self._clock() >= self._next

    def failed(self, error: UnavailableError) -> None:
        """It did not work; the next try is due after a delay, the last one at the end of the timeout.

        What only takes its time has not failed: it is due at once.

        Raises:
            TaskFailedError: the timeout is over.
        """
        if isinstance(error, UnfinishedError):
            self.succeeded()
            return
        now = self._clock()
        self._since = now if self._since is None else self._since
        self._next = now + self._delay
        self._delay = min(2 * self._delay, self._longest_s)
        if self._timeout_ms < 0:
            return
        end = self._since + self._timeout_ms / 1_000
        if now >= end:
            raise TaskFailedError(
                f"{error} It was tried for {now - self._since:.1f} s, and errors.retry.timeout is "
                f"{self._timeout_ms} ms. No record became a dead letter for it: mend the cause and start the "
                "worker again, or set FRAUD_ERRORS__RETRY__TIMEOUT=-1 to wait for ever."
            ) from error
        self._next = min(self._next, end)
