"""Why no broker can be used: a setting that must be mended, or brokers that are only not there yet.

librdkafka reports every failed connection to its error callback and keeps trying, so a wrong password looks
to its caller like a broker that is down. What it reported tells the two apart.
"""

import re
import socket
import ssl
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException

from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.settings import KafkaSettings, named, variable

REPORT = re.compile(r"^(?:\w+://)?(?P<broker>[^/]+?)(?:/\w+)?: (?P<text>.*?)(?: \(after \d+ms in .*)?$")
"""`sasl_ssl://host:9093/bootstrap: what happened (after 3ms in state AUTH_REQ)`."""
OPENSSL = re.compile(r"error:[0-9A-F]{8}:[^:]*:[^:]*:|: SSL alert number \d+")
"""What OpenSSL says around the words that mean something."""
PROPERTY = re.compile(r"\b(?:ssl|sasl)(?:\.[a-z]+)+")
ALERT = re.compile(r"alert .*(?:certificate|\bca\b|access denied)")
"""What a server says of the certificate of its client, or of the lack of one."""
HANDSHAKE_S = 3.0


def fault(settings: KafkaSettings, reports: Sequence[KafkaError]) -> ConfigError | None:
    """What to raise for the first report that time won't heal; None if there is none.

    Args:
        settings: that the client was made with.
        reports: what its error callback was given.
    """
    for report in reports:
        broker, text = _parts(report)
        if report.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - so the client names its own codes
            return ConfigError(_refused(settings, broker, text))
        if ALERT.search(text):
            return ConfigError(
                f"The Kafka broker at {broker} wants a certificate of ours that it can trust ({text}). Check "
                f"{_named(settings, 'ssl_certificate_location', 'ssl_key_location')}."
            )
        if report.code() == KafkaError._SSL:  # noqa: SLF001 - as above
            return ConfigError(_untrusted(settings, broker, text))
    return None


def unreachable(settings: KafkaSettings, reports: Sequence[KafkaError]) -> UnavailableError:
    """What to raise where no broker answered and no setting is known to be to blame."""
    return UnavailableError(
        f"No Kafka broker answers at {settings.bootstrap_servers} ({_reason(settings, reports)}). "
        "Is it running, and is FRAUD_KAFKA__BOOTSTRAP_SERVERS right?"
    )


def unusable(error: KafkaException) -> ConfigError:
    """What to raise where librdkafka makes no client of such settings: says which of ours they are."""
    text = OPENSSL.sub("", str(error.args[0].str())).strip()
    names = [name.replace(".", "_") for name in PROPERTY.findall(text)] or ["properties"]
    if "ssl_key_location" in names:
        names.append("ssl_key_password")
    check = " and ".join(variable("kafka", name) for name in names)
    return ConfigError(f"The Kafka client can't work with its settings ({text}). Check {check}.")


def _refused(settings: KafkaSettings, broker: str, text: str) -> str:
    if "mechanism handshake failed" in text:
        return (
            f"The Kafka broker at {broker} does not let us log in with {settings.sasl_mechanism} ({text}). "
            f"Check {_named(settings, 'sasl_mechanism', 'security_protocol')}: does this port take SASL?"
        )
    return (
        f"The Kafka broker at {broker} refuses the user {settings.sasl_username} ({text}). "
        f"Check {_named(settings, 'sasl_username', 'sasl_password', 'sasl_mechanism')}."
    )


def _untrusted(settings: KafkaSettings, broker: str, text: str) -> str:
    if "verify failed" not in text:
        check = _named(settings, "security_protocol", "ssl_ca_location")
        return f"TLS with the Kafka broker at {broker} fails ({text}). Check {check}."
    return (
        f"The certificate of the Kafka broker at {broker} is not trusted "
        f"({_objection(settings, broker) or 'certificate verify failed'}). "
        f"Check {_named(settings, 'ssl_ca_location')}, which must hold the authority that signed it, "
        f"and that {_named(settings, 'bootstrap_servers')} names the host as the certificate does."
    )


def _objection(settings: KafkaSettings, broker: str) -> str | None:
    """What is wrong with the broker's certificate: librdkafka only says that something is."""
    host, _, port = broker.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_location)
        with (
            socket.create_connection((host.strip("[]"), int(port)), HANDSHAKE_S) as plain,
            context.wrap_socket(plain, server_hostname=host.strip("[]")),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message).rstrip(".")
    except (OSError, ValueError):
        return None


def _reason(settings: KafkaSettings, reports: Sequence[KafkaError]) -> str:
    for report in reports:
        if report.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - as above
            return _parts(report)[1]
    if reports:
        return f"it closes the connection; does this port take {_named(settings, 'security_protocol')}?"
    return "no answer"


def _parts(report: KafkaError) -> tuple[str, str]:
    whole = OPENSSL.sub("", str(report.str()))
    found = REPORT.match(whole)
    return (found["broker"], found["text"]) if found else ("?", whole)


def _named(settings: KafkaSettings, *names: str) -> str:
    return named(settings, "kafka", *names)
