"""What the operator reads from Kafka and writes there."""
