"""Rules: named SQL conditions with a reason, from a YAML file, evaluated on whole batches."""

from fraud_core.rules.evaluation import Fired, evaluate
from fraud_core.rules.file import load_rules
from fraud_core.rules.rule import Rule, RuleSet

__all__ = ["Fired", "Rule", "RuleSet", "evaluate", "load_rules"]
