"""A simulated world of customers, merchants and thieves, as a seeded stream of transactions and labels."""

from fraud_producer.simulator.settings import MOST_CUSTOMERS, FraudMix, SimulatorSettings
from fraud_producer.simulator.simulation import expected_transactions_per_hour, simulate
from fraud_producer.slices import Slice

__all__ = [
    "MOST_CUSTOMERS",
    "FraudMix",
    "SimulatorSettings",
    "Slice",
    "expected_transactions_per_hour",
    "simulate",
]
