"""The operator: a FraudModel becomes training Jobs, rollouts and a status."""
