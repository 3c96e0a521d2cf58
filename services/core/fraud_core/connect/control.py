"""What the worker is told by `fraud_target_states`: a state that lasts, and restarts that are done once."""

import queue
from dataclasses import dataclass, field
from datetime import datetime

from fraud_core.connect.records import Target, TargetState


@dataclass
class Control:
    """Orders for one pipeline; the board's thread adds them, the worker takes them between two batches.

    Attributes:
        pipeline: whose orders count.
        since: start of this process: a restart that was asked for before is done by having started.
        target: running, paused or stopped.
    """

    pipeline: str
    since: datetime
    target: Target = Target.RUNNING
    _restarts: "queue.SimpleQueue[TargetState]" = field(default_factory=queue.SimpleQueue)

    def told(self, order: TargetState) -> None:
        """Take note of an order."""
        if order.pipeline != self.pipeline:
            return
        if order.target is not Target.RESTART:
            self.target = order.target
        elif order.issued_at >= self.since:
            self._restarts.put(order)

    def restarts(self) -> list[TargetState]:
        """Restarts that have not been taken yet."""
        found = []
        while not self._restarts.empty():
            found.append(self._restarts.get())
        return found
