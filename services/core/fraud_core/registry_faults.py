"""Why the schema registry can't be used over TLS, in words that name the setting to mend."""

import ssl
from collections.abc import Iterator

from fraud_core.settings import SchemaRegistrySettings, named

PASSING = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""The other side went away, as it does when it restarts."""


def tls_fault(settings: SchemaRegistrySettings, error: BaseException) -> str | None:
    """The message for an error of the HTTP client; None where TLS is not to blame, or time may heal it."""
    found = next((one for one in _chain(error) if isinstance(one, ssl.SSLError)), None)
    if found is None or isinstance(found, PASSING):
        return None
    if isinstance(found, ssl.SSLCertVerificationError):
        return (
            f"The certificate of the schema registry at {settings.url} is not trusted "
            f"({found.verify_message.rstrip('.')}). Check {_named(settings, 'ssl_ca_location')}, which must "
            f"hold the authority that signed it, and that {_named(settings, 'url')} names the host as the "
            "certificate does."
        )
    if "ALERT" in (found.reason or ""):
        return (
            f"The schema registry at {settings.url} wants a certificate of ours that it can trust "
            f"({found.reason}). Check {_named(settings, 'ssl_certificate_location', 'ssl_key_location')}."
        )
    return (
        f"TLS with the schema registry at {settings.url} fails ({found.reason or found}). "
        f"Check {_named(settings, 'url')}: does this port take HTTPS?"
    )


def _named(settings: SchemaRegistrySettings, *names: str) -> str:
    return named(settings, "schema_registry", *names)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
