"""`fraudstream dlq`: looks at dead letters, and resubmits them after a fix, each once."""
