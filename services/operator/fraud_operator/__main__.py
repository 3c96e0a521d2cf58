"""`python -m fraud_operator`: the operator where the `fraudstream` command is not installed."""

from fraud_core.cli import run
from fraud_operator.cli import app

run(app)
