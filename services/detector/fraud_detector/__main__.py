"""`python -m fraud_detector`: the detector where the `fraudstream` command is not installed."""

from fraud_core.cli import run
from fraud_detector.cli import app

run(app)
