"""`python -m fraud_trainer`: the trainer where the `fraudstream` command is not installed."""

from fraud_core.cli import run
from fraud_trainer.cli import app

run(app)
