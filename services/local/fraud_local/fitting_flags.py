"""Options that would be ignored, because they go with another source than the one that was named."""

from collections.abc import Mapping

from fraud_core.errors import ConfigError

NO_LABEL = "Name the column of {} that says which rows are fraud: --label COLUMN."


def refuse_foreign(given: Mapping[str, object], goes_with: str) -> None:
    """Refuse each of these options that was given.

    Args:
        given: by flag; None or nothing in it where one was not given.
        goes_with: the option that they need, and that is not there.

    Raises:
        ConfigError: names the first of them and what it goes with.
    """
    for flag, value in given.items():
        if value is not None and value != []:
            raise ConfigError(f"{flag} goes with {goes_with}; add that, or leave {flag} out.")


def refuse_beside(given: Mapping[str, object], source: str) -> None:
    """Refuse each of these options that was given.

    Args:
        given: by flag; None where one was not given.
        source: the option that is there, and that leaves them nothing to do.

    Raises:
        ConfigError: names the first of them and that option.
    """
    for flag, value in given.items():
        if value is not None:
            raise ConfigError(f"{flag} does nothing with {source}; leave one of them out.")
