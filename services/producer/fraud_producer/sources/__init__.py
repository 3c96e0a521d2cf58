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
        from fraud_producer.sources.file import file_plan as made  # noqa: PLC0415 - as above
    elif options.source == "seed":
        from fraud_producer.sources.tutorial import tutorial_plan as made  # noqa: PLC0415 - as above
    else:
        from fraud_producer.sources.realistic import realistic_plan as made  # noqa: PLC0415 - as above
    return made(options)
