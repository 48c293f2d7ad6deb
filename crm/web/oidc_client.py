"""The protocol of OpenID Connect: where people sign in, and who has come back from there.

Loaded only where a provider is set: its libraries are large.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from crm.web.bounded_requests import within

WAIT_SECONDS = 5  # for each part of an answer of the provider
ALTOGETHER_SECONDS = 10  # for all of it, however the provider sends it
KEPT_SECONDS = 600  # what the provider says of itself
LEEWAY_SECONDS = 60  # by which its clock may differ
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
Value = TypeVar("Value")
_metadata: dict[str, tuple[float, dict[str, Any]]] = {}


class ProviderError(Exception):
    """The provider is away, or what it answers is not to be trusted; the message is for the log."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider, as the settings name it, and where it sends people back to."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Departure:
    """A sign-in that was begun: where it leads, and what its return is checked against."""

    url: str
    state: str
    nonce: str
    verifier: str


def depart(provider: Provider) -> Departure:
    """Begin a sign-in; raises `ProviderError`."""
    metadata = _in_time(lambda adapter: _metadata_of(provider.issuer, adapter))
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    client = _client(provider)
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], nonce=nonce, code_verifier=verifier
    )
    return Departure(url, state, nonce, verifier)


def arrive(provider: Provider, *, code: str, nonce: str, verifier: str) -> dict[str, Any]:
    """The verified claims about who came back with the code; raises `ProviderError`."""
    return _in_time(lambda adapter: _claims(provider, adapter, code, nonce, verifier))


def _claims(
    provider: Provider, adapter: HTTPAdapter, code: str, nonce: str, verifier: str
) -> dict[str, Any]:
    try:
        metadata = _metadata_of(provider.issuer, adapter)
        client = _through(_client(provider), adapter)
        token = client.fetch_token(
            metadata["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            timeout=WAIT_SECONDS,
        )
        claims = _verified(provider, metadata, _get(metadata["jwks_uri"], adapter), token, nonce)
        return claims | _user_info(client, metadata, claims)
    except (AuthlibBaseError, JoseError, requests.RequestException, KeyError, ValueError) as error:
        raise ProviderError(type(error).__name__) from error


def end_url(provider: Provider, back: str) -> str | None:
    """Where people sign out at the provider; None where it has no such page."""
    metadata = _in_time(lambda adapter: _metadata_of(provider.issuer, adapter))
    endpoint = metadata.get("end_session_endpoint")
    if not endpoint:
        return None
    query = {"client_id": provider.client_id, "post_logout_redirect_uri": back}
    return requests.Request("GET", endpoint, params=query).prepare().url


def _in_time(ask: Callable[[HTTPAdapter], Value]) -> Value:
    try:
        return within(ALTOGETHER_SECONDS, ask)
    except TimeoutError as error:
        message = "too slow"
        raise ProviderError(message) from error


def _through(session: requests.Session, adapter: HTTPAdapter) -> Any:
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _client(provider: Provider) -> OAuth2Session:
    return OAuth2Session(
        provider.client_id,
        provider.client_secret,
        scope="openid profile",
        redirect_uri=provider.redirect_uri,
        code_challenge_method="S256",
        default_timeout=WAIT_SECONDS,
    )


def _metadata_of(issuer: str, adapter: HTTPAdapter) -> dict[str, Any]:
    kept_at, kept = _metadata.get(issuer, (0.0, {}))
    if kept and time.monotonic() - kept_at < KEPT_SECONDS:
        return kept
    try:
        read: dict[str, Any] = _get(f"{issuer}/.well-known/openid-configuration", adapter)
        if str(read["issuer"]).rstrip("/") != issuer:
            message = "another issuer"
            raise ProviderError(message)
        read = {name: read[name] for name in NEEDED} | read
    except (requests.RequestException, KeyError, ValueError, TypeError) as error:
        raise ProviderError(type(error).__name__) from error
    _metadata[issuer] = time.monotonic(), read
    return read


def _get(url: str, adapter: HTTPAdapter) -> Any:
    answer = _through(requests.Session(), adapter).get(url, timeout=WAIT_SECONDS)
    answer.raise_for_status()
    return answer.json()


def _verified(
    provider: Provider, metadata: dict[str, Any], keys: Any, token: dict[str, Any], nonce: str
) -> dict[str, Any]:
    """The claims of the token, whose signature, issuer, audience, time and nonce are right."""
    key_set = KeySet.import_key_set(keys)
    claims = jwt.decode(str(token["id_token"]), key_set, algorithms=ALGORITHMS).claims
    registry = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": provider.client_id},
        exp={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    registry.validate(claims)
    # of a token for several clients, it must have been made for this one
    if claims.get("azp", provider.client_id) != provider.client_id:
        message = "another party"
        raise ProviderError(message)
    return dict(claims)


def _user_info(
    client: OAuth2Session, metadata: dict[str, Any], claims: dict[str, Any]
) -> dict[str, Any]:
    """What the provider says besides the token; nothing where it is about somebody else."""
    endpoint = metadata.get("userinfo_endpoint")
    if not endpoint:
        return {}
    answer = client.get(endpoint, timeout=WAIT_SECONDS)
    answer.raise_for_status()
    info: dict[str, Any] = answer.json()
    # a token of the provider outweighs what it says beside it
    return {
        name: value
        for name, value in info.items()
        if name not in claims and info.get("sub") == claims["sub"]
    }
