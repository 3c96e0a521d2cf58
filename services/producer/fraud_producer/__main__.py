"""`python -m fraud_producer`: the same as `fraudstream producer`, for an image that holds nothing else."""

from fraud_core.cli import run
from fraud_producer.cli import app

if __name__ == "__main__":
    run(app)
