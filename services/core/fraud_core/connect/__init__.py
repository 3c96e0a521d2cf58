"""Kafka Connect's manners: what workers report, what they are told, and the REST API over both.

Every worker writes what it does to `fraud_status` (`reporter`) and reads what all others do and what the
pipeline shall do (`board`), so any of them answers for the whole group (`rest`). State lives in Kafka alone.
Source of states, answers and codes: Apache Kafka, Connect REST API (KIP-26, KIP-745, KIP-875).
"""
