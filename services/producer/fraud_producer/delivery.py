"""What became of the records handed to the brokers: counts, failures in words, outages while they last."""

import time
from collections import Counter
from dataclasses import dataclass, field

from fraud_core.errors import DeliveryError
from fraud_core.log import logger

log = logger(__name__)

STALLED_S = 3.0
LINE_EVERY_S = 10.0


@dataclass(frozen=True)
class Counts:
    """Records so far.

    Attributes:
        produced: transactions handed to the client.
        failed: transactions that were not delivered, after all retries.
        labels: labels handed to the client.
        labels_failed: labels that were not delivered.
        queued: records, of either kind, that are still on their way.
    """

    produced: int
    failed: int
    labels: int
    labels_failed: int
    queued: int

    @property
    def delivered(self) -> int:
        """Transactions that the brokers have for certain; while records are on their way, at least these."""
        return max(0, self.produced - self.failed - self.queued)


@dataclass
class Failures:
    """Records that were not delivered: how many of each topic and reason, and the first of them by name."""

    by_topic: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    first: str = ""

    def add(self, topic: str, key: str, reason: str) -> None:
        """Count one more."""
        self.first = self.first or f"{topic} with key {key!r}"
        self.by_topic[topic] += 1
        self.by_reason[reason] += 1

    def error(self, handed_over: int) -> DeliveryError:
        """All of them in one message."""
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in self.by_reason.most_common())
        return DeliveryError(
            f"{self.by_topic.total():,} of {handed_over:,} records were not delivered: {reasons}. "
            f"The first was for {self.first}. Unless the brokers took some without our hearing of it, "
            "they are not on the topics; produce them again once the brokers answer."
        )


class Outage:
    """Watches whether the brokers take records; a standstill is told once in ten seconds, and so its end."""

    def __init__(self, servers: str, timeout_s: float) -> None:
        """The brokers' addresses and the delivery timeout are for the message."""
        self._servers = servers
        self._timeout_s = timeout_s
        self._delivered = 0
        self._moved = self._looked = time.monotonic()
        self._told: float | None = None
        self.reason = ""

    def look(self, delivered: int, queued: int, failed: int) -> None:
        """Compare with the last look at how many records are delivered, still wait, or have failed."""
        now = time.monotonic()
        if now - self._looked >= STALLED_S:
            self._moved = now  # nobody looked for so long, the source having been slow: that is no standstill
        self._looked = now
        if delivered != self._delivered or not (queued or failed):
            self._delivered, self._moved = delivered, now
            self._recovered(queued)
        elif now - self._moved >= STALLED_S and (self._told is None or now - self._told >= LINE_EVERY_S):
            self._told = now
            log.warning(
                "the brokers take no records; trying on",
                brokers=self._servers,
                reason=self.reason or "no answer",
                waiting=queued,
                failed=failed,
                each_gives_up_after_s=self._timeout_s,
                since_s=round(now - self._moved),
            )

    def _recovered(self, queued: int) -> None:
        if self._told is not None:
            log.info("the brokers take records again", brokers=self._servers, waiting=queued)
            self._told, self.reason = None, ""
