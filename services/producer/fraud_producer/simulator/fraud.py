"""How much fraud of which kind a day sees: each scenario has a budget and spends it in whole incidents."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fraud_producer.simulator.chance import happens
from fraud_producer.simulator.rows import Bools, Ints, Rows
from fraud_producer.simulator.scene import Scenario, Scene, victims
from fraud_producer.simulator.settings import SimulatorSettings
from fraud_producer.simulator.theft_by_merchants import (
    Ring,
    Skimmer,
    collusion_ring,
    compromised_merchant,
    keep_rings,
    skim,
)
from fraud_producer.simulator.theft_of_cards import impossible_travel, stolen_card
from fraud_producer.simulator.theft_online import account_takeover, card_testing

_Incidents = Callable[[Scene, Ints, Bools], Rows]
# Scenario, what carries it out, and how many transactions an incident has about.
_SINGLE: tuple[tuple[Scenario, _Incidents, float], ...] = (
    (Scenario.CARD_TESTING, card_testing, 7.8),
    (Scenario.STOLEN_CARD, stolen_card, 4.4),
    (Scenario.ACCOUNT_TAKEOVER, account_takeover, 3.1),
    (Scenario.IMPOSSIBLE_TRAVEL, impossible_travel, 2.6),
)


@dataclass
class Underworld:
    """What fraud remembers from day to day.

    Attributes:
        due: transactions that each scenario is still to commit, by Scenario; below 0 where it went ahead.
        skimmers: merchants who copy cards.
        skims_first: whether no day had skimmers yet.
        rings: groups who cycle money.
    """

    due: list[float] = field(default_factory=lambda: [0.0] * len(Scenario))
    skimmers: list[Skimmer] = field(default_factory=list)
    skims_first: bool = True
    rings: list[Ring] = field(default_factory=list)


def frauds_of(scene: Scene, underworld: Underworld) -> list[Rows]:
    """The frauds that begin on this day; some of their rows may fall on later days."""
    shares = _shares(scene.world.settings)
    fraud_share = scene.world.settings.fraud_share
    today = [share * fraud_share / (1 - fraud_share) * len(scene.ordinary) for share in shares]
    underworld.due = [due + more for due, more in zip(underworld.due, today, strict=True)]
    if not len(scene.ordinary) or not fraud_share:
        return []
    parts = [_incidents(scene, underworld, *single) for single in _SINGLE if shares[single[0]]]
    if shares[Scenario.COMPROMISED_MERCHANT]:
        parts += _skimmed(scene, underworld, today[Scenario.COMPROMISED_MERCHANT])
    if shares[Scenario.COLLUSION_RING]:
        parts += _cycled(scene, underworld, today[Scenario.COLLUSION_RING])
    for part in parts:
        for scenario in part.scenario[:1]:
            underworld.due[scenario] -= len(part)
    return parts


def _shares(settings: SimulatorSettings) -> list[float]:
    mix = settings.fraud_mix.model_dump()
    total = sum(mix.values())
    return [mix[scenario.name.lower()] / total for scenario in Scenario]


def _incidents(
    scene: Scene, underworld: Underworld, scenario: Scenario, commit: _Incidents, size: float
) -> Rows:
    count = max(0, int(underworld.due[scenario] / size + scene.rng.random()))
    slots = victims(scene, count)
    return commit(scene, slots, happens(scene.rng, scene.world.settings.quiet_share, count))


def _skimmed(scene: Scene, underworld: Underworld, a_day: float) -> list[Rows]:
    due = max(0.0, underworld.due[Scenario.COMPROMISED_MERCHANT])
    done = skim(scene, underworld.skimmers, due=due, a_day=a_day, first=underworld.skims_first)
    underworld.skims_first = False
    each = int(due / len(done)) if done else 0
    quiet_share = scene.world.settings.quiet_share
    return [compromised_merchant(scene, skimmer, each, quiet_share) for skimmer in done]


def _cycled(scene: Scene, underworld: Underworld, a_day: float) -> list[Rows]:
    keep_rings(scene, underworld.rings, a_day)
    count = int(max(0.0, underworld.due[Scenario.COLLUSION_RING] + scene.rng.normal(0.0, 0.5)))
    return [collusion_ring(scene, underworld.rings, count)]
