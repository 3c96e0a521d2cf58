"""A real Apache Kafka and a real schema registry on this machine, without Docker or Java installed."""

from fraud_local.stack.service import Service
from fraud_local.stack.stack import Addresses, Stack, running

__all__ = ["Addresses", "Service", "Stack", "running"]
