"""The FraudModel as pydantic models, and the CRD that they make."""

from fraud_operator.api.spec import Analysis, FraudModelSpec, Gate
from fraud_operator.api.status import Condition, FraudModelStatus, HistoryEntry, Outcome

__all__ = ["Analysis", "Condition", "FraudModelSpec", "FraudModelStatus", "Gate", "HistoryEntry", "Outcome"]
