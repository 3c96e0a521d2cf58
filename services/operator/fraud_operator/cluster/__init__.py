"""What the operator says to Kubernetes, and what it reads there."""
