"""What a baseline is trained with where nothing else is said; apart, as `--help` needs no scikit-learn."""

SEED = 7_130_417
"""Far from any seed that a person would type: the demo's people must be new to the model."""
DAYS = 60
CUSTOMERS = 1_000
ALERT_BUDGET = 0.005
