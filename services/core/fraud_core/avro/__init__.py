"""Avro in Confluent's wire format, in columns: a zero byte, a four-byte schema id, then the record."""

from fraud_core.avro.decode import Decoded, Decoder, Rejected
from fraud_core.avro.encode import Encoder

__all__ = ["Decoded", "Decoder", "Encoder", "Rejected"]
