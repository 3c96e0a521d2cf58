"""Rollouts: the records that say which version of the model decides in a pipeline, and which is tried."""

from fraud_core.rollouts.records import BundleRef, Limits, Mode, Rollout

__all__ = ["BundleRef", "Limits", "Mode", "Rollout"]
