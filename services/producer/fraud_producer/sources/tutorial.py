"""The tutorial's transactions, live: one each 0.5 s unless a rate says otherwise."""

from fraud_core.log import logger
from fraud_producer.live import live_slices
from fraud_producer.options import Options
from fraud_producer.pacing import FlatOut, NeverPassingNow
from fraud_producer.run import Plan
from fraud_producer.seed import SeedStream
from fraud_producer.sources.shared import seed_of

log = logger(__name__)

TUTORIAL_RATE = 2.0


def tutorial_plan(options: Options) -> Plan:
    """Produce the tutorial's transactions; their event time is now."""
    seed = seed_of(options)
    rate = None if options.pace_is_flat_out else options.rate or TUTORIAL_RATE
    log.info("producing the tutorial's transactions", seed=seed, per_second=rate or "flat out")
    return Plan(
        title="Producing",
        slices=live_slices(SeedStream(seed).at, rate),
        pace=NeverPassingNow(FlatOut()) if rate else FlatOut(),
        count=options.count,
        total=options.count,
    )
