"""What the services share: settings, errors, topics, Avro, Kafka clients, features, rules and models."""
