"""From what is wanted and what is to what must be done next, without doing it: pure functions.

Every function takes the whole state and gives the next one: by level, never by edge. What was decided is
written to the status before it is done, and what is to be done follows from the status, so whoever is killed
in between goes on.
"""

from fraud_operator.planning.reconcile import reconcile, unplanned, unseen
from fraud_operator.planning.world import Model, Plan, World

__all__ = ["Model", "Plan", "World", "reconcile", "unplanned", "unseen"]
