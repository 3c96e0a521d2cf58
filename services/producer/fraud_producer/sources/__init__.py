"""What to publish and when, from what was asked for: one module a source."""

from fraud_producer.options import Options
from fraud_producer.run import Plan


def plan(options: Options) -> Plan:
    """The plan for these options, which `fraud_producer.options.check` has passed.

    Each source is imported when it is asked for: a replay needs no simulator.

    Raises:
        InputError: a file can't be read or mapped.
        ConfigError: the times don't fit together.
    """
    if options.source == "input":
        from fraud_producer.sources.file import file_plan  # noqa: PLC0415 - as above

        return file_plan(options)
    if options.source == "seed":
        from fraud_producer.sources.tutorial import tutorial_plan  # noqa: PLC0415 - as above

        return tutorial_plan(options)
    from fraud_producer.sources.realistic import realistic_plan  # noqa: PLC0415 - as above

    return realistic_plan(options)
