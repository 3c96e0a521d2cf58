"""What is done to the pipeline, and when: drawn from a seed before anything runs."""

import random
from dataclasses import dataclass, field
from enum import StrEnum

DETECTORS = ("a", "b", "c")
"""Those that are there from the beginning, and at the end."""
GAP_S = (2.0, 6.0)
RECOVERY_S = 2.0
"""So long is nothing more done to what has just been put right."""


class Kind(StrEnum):
    """What can be done."""

    KILL_DETECTOR = "kill_detector"
    PAUSE_DETECTOR = "pause_detector"
    PAUSE_DETECTOR_FOR_LONG = "pause_detector_for_long"
    ADD_DETECTOR = "add_detector"
    REMOVE_DETECTOR = "remove_detector"
    STOP_BROKER = "stop_broker"
    KILL_BROKER = "kill_broker"
    FILL_DISK = "fill_disk"
    STOP_REGISTRY = "stop_registry"
    KILL_REGISTRY = "kill_registry"
    POISON = "poison"


LASTS_S = {
    Kind.KILL_DETECTOR: (0.0, 4.0),
    Kind.PAUSE_DETECTOR: (0.5, 3.0),
    Kind.PAUSE_DETECTOR_FOR_LONG: (9.0, 14.0),
    Kind.ADD_DETECTOR: (0.0, 0.0),
    Kind.REMOVE_DETECTOR: (0.0, 0.0),
    Kind.STOP_BROKER: (0.0, 3.0),
    Kind.KILL_BROKER: (0.0, 8.0),
    Kind.FILL_DISK: (2.0, 4.0),
    Kind.STOP_REGISTRY: (0.0, 5.0),
    Kind.KILL_REGISTRY: (0.0, 5.0),
    Kind.POISON: (0.0, 0.0),
}
"""Least and most seconds between an act and its undoing; a long pause outlasts the session timeout."""
ON_DETECTORS = {Kind.KILL_DETECTOR, Kind.PAUSE_DETECTOR, Kind.PAUSE_DETECTOR_FOR_LONG}
TARGETS = {
    Kind.STOP_BROKER: "broker",
    Kind.KILL_BROKER: "broker",
    Kind.FILL_DISK: "broker",
    Kind.STOP_REGISTRY: "registry",
    Kind.KILL_REGISTRY: "registry",
    Kind.POISON: "input",
}


@dataclass(frozen=True)
class Act:
    """One thing that is done.

    Attributes:
        at: seconds after the beginning, or later where what comes before takes longer.
        kind: what.
        target: to whom: a detector's name, broker, registry, or input.
        lasts: seconds until it is undone.
    """

    at: float
    kind: Kind
    target: str
    lasts: float

    @property
    def until(self) -> float:
        """When it is undone."""
        return self.at + self.lasts


def plan(seed: int, seconds: float) -> tuple[Act, ...]:
    """The acts of a run of so many seconds, in order; every kind comes once before any comes again."""
    draw = _Draw(random.Random(seed))  # noqa: S311 - a seed must give the same plan
    acts: list[Act] = []
    now = draw.gap()
    while now < seconds:
        acts.append(draw.act(now))
        now = acts[-1].at + draw.gap()
    return tuple(act for act in acts if act.until < seconds)


@dataclass
class _Draw:
    """The dice, and who is free again when."""

    dice: random.Random
    free: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys((*DETECTORS, *TARGETS.values()), 0.0)
    )
    bag: list[Kind] = field(default_factory=list)
    added: int = 0

    def gap(self) -> float:
        return self.dice.uniform(*GAP_S)

    def act(self, now: float) -> Act:
        if not self.bag:
            self.bag = self._round()
        kind = self.bag.pop()
        target = self._target(kind, now)
        begin = max(now, self.free.get(target, 0.0))
        act = Act(round(begin, 2), kind, target, round(self.dice.uniform(*LASTS_S[kind]), 2))
        if kind is Kind.REMOVE_DETECTOR:
            del self.free[target]
        else:
            self.free[target] = act.until + RECOVERY_S
        return act

    def _round(self) -> list[Kind]:
        """Every kind once, from the last to the first; who is removed was added before."""
        kinds = list(Kind)
        self.dice.shuffle(kinds)
        added, removed = kinds.index(Kind.ADD_DETECTOR), kinds.index(Kind.REMOVE_DETECTOR)
        if added < removed:
            kinds[added], kinds[removed] = kinds[removed], kinds[added]
        return kinds

    def _target(self, kind: Kind, now: float) -> str:
        extras = [name for name in self.free if name.startswith("extra")]
        if kind is Kind.ADD_DETECTOR:
            self.added += 1
            return f"extra-{self.added}"
        if kind is Kind.REMOVE_DETECTOR:
            return extras[0]
        if kind not in ON_DETECTORS:
            return TARGETS[kind]
        names = [*DETECTORS, *extras]
        idle = [name for name in names if self.free[name] <= now]
        return self.dice.choice(idle) if idle else min(names, key=self.free.__getitem__)
