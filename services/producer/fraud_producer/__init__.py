"""The producer: simulated or replayed transactions, encoded in columns and published to Kafka."""
