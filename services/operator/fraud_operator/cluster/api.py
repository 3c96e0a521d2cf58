"""A client of the Kubernetes API for the few things that the operator does, with kopf's own login."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import kopf

from fraud_core.errors import ConfigError, FraudstreamError, UnavailableError

Document = dict[str, Any]
TIMEOUT = aiohttp.ClientTimeout(total=30)
MOST_TEXT = 300


class ConflictError(FraudstreamError):
    """The object is there already, or has been changed since it was read."""


class MissingError(FraudstreamError):
    """There is no such object."""


class RefusedError(FraudstreamError):
    """The server does not take the object as it is."""


class ForbiddenError(ConfigError):
    """The operator's Role does not allow it, or admission or a quota refuses the object."""


@dataclass(frozen=True)
class Api:
    """The API server. Credentials are read for every request: a service account's token changes hourly."""

    session: aiohttp.ClientSession
    login: Callable[[], kopf.ConnectionInfo]

    async def get(self, path: str, **query: str) -> Document:
        """An object, or a list.

        Raises:
            MissingError: there is none.
            UnavailableError: the server can't be reached, or fails.
            ConfigError: the operator may not.
        """
        return await self._send("GET", path, query=query)

    async def create(self, path: str, document: Document) -> Document:
        """A new object; raises ConflictError if it is there, and as `get` otherwise."""
        return await self._send("POST", path, document)

    async def replace(self, path: str, document: Document) -> Document:
        """The object as it shall be; raises ConflictError if it has changed, and as `get` otherwise."""
        return await self._send("PUT", path, document)

    async def delete(self, path: str) -> None:
        """No such object any more, nor what it owns; raises as `get`."""
        await self._send("DELETE", path, query={"propagationPolicy": "Background"})

    async def _send(
        self, method: str, path: str, document: Document | None = None, query: Mapping[str, str] | None = None
    ) -> Document:
        info = self.login()
        url = f"{info.server.rstrip('/')}{path}"
        try:
            async with self.session.request(
                method, url, json=document, params=query, headers=info.as_http_headers()
            ) as response:
                body = await response.json(content_type=None)
                if response.ok:
                    return dict(body)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise UnavailableError(
                f"The API server at {info.server} does not answer {method} {path}: {why}."
            ) from error
        raise _refusal(method, path, HTTPStatus(response.status), body)


def _refusal(method: str, path: str, status: HTTPStatus, body: object) -> FraudstreamError:
    said = str(body.get("message") if isinstance(body, dict) else body)[:MOST_TEXT]
    text = f"The API server answers {status.value} to {method} {path}: {said}"
    match status:
        case HTTPStatus.CONFLICT:
            return ConflictError(text)
        case HTTPStatus.NOT_FOUND:
            return MissingError(text)
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.BAD_REQUEST:
            return RefusedError(text)
        case HTTPStatus.FORBIDDEN:
            return ForbiddenError(f"{text} Does the release's Role allow it, and is it bound?")
        case HTTPStatus.UNAUTHORIZED:
            return ConfigError(f"{text} Is the token of this cluster?")
        case _:
            return UnavailableError(text)


def credentials() -> kopf.ConnectionInfo:
    """Those of the pod's service account, or of KUBECONFIG.

    Raises:
        ConfigError: there are neither.
    """
    settings = kopf.OperatorSettings()
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(
        settings=settings
    )
    if found is None:
        raise ConfigError(
            "There is no service account here and no KUBECONFIG: the operator runs in a cluster, or with "
            "KUBECONFIG set."
        )
    return found


@asynccontextmanager
async def connected(login: Callable[[], kopf.ConnectionInfo] = credentials) -> AsyncIterator[Api]:
    """The API while the block runs."""
    connector = aiohttp.TCPConnector(ssl=login().as_ssl_context())
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session:
        yield Api(session, login)
