"""What a value is told to be wrong with."""


class NotAvroError(ValueError):
    """A value is not in Confluent's wire format, or not the record that its schema says."""


TOO_LONG = "The value has bytes that belong to no field of the record."


def in_words(error: Exception) -> Exception:
    """Fastavro's fault, with words where it has none."""
    return error if str(error) else type(error)("The value ends in the middle of the record.")
