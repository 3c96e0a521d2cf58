"""`python -m fraud_local`: the `fraudstream` command where its script is not on the path."""

from fraud_local.cli import main

main()
