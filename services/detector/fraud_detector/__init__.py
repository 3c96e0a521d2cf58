"""The detector: batches of transactions in, decisions out, exactly once."""
