"""The device's half of OpenID for Verifiable Credential Issuance 1.0: one method per request.

Pre-authorized code flow (section 3.5): metadata (12.2), token (6), nonce (7), credential (8),
with encrypted requests and responses (10). A device talks to the issuer that it was pointed at
and to nobody else: every endpoint must lie on the issuer's own origin.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx

from did.errors import Invalid, KeybornError, Refused
from did.jcs import Json, JsonObject, canonicalize
from did.jose import CONTENT_ENCRYPTION, KEY_AGREEMENT, EncryptionKey, encrypt_jwe
from did.openid4vci import PRE_AUTHORIZED
from did.strict_json import parse_object
from keyborn.client import request, request_json

_CREDENTIAL_ISSUER: Final = "openid-credential-issuer"
_AUTHORIZATION_SERVER: Final = "oauth-authorization-server"
_MAX_TOKEN: Final = 4_096
_MAX_NONCE: Final = 1_024
_MAX_LIFETIME: Final = 31_536_000
_PORTS: Final[Mapping[str, int]] = {"https": 443, "http": 80}
_HINTS: Final[Mapping[str, str]] = {
    "invalid_grant": "check the transaction code, or ask the operator for a new claim",
    "invalid_token": "repeat the enrolment; if the claim has expired, ask for a new one",
    "invalid_nonce": "repeat the enrolment",
    "invalid_proof": "check the device's clock, and that its DID is not deactivated",
    "credential_request_denied": "ask the operator whose device this claim is for",
}
_DOWN: Final = "wait for the issuer, then enrol again: nothing is lost, or granted twice"
_DESCRIPTION: Final = re.compile(
    r"(?P<message>.{1,400}) \[(?P<code>[a-z0-9_]{1,64})\](?:; (?P<hint>.{1,400}))?"
)


@dataclass(frozen=True, slots=True)
class IssuerMetadata:
    """What a device needs of an issuer's metadata.

    Attributes:
        token_endpoint: URL, as the two others.
        nonce_endpoint: As ``token_endpoint``.
        credential_endpoint: As ``token_endpoint``.
        configurations: The credential configurations that can be had in our format.
        encryption: The X25519 JWK that requests are encrypted to, if the issuer can encrypt as we
            can (ECDH-ES, A256GCM), both ways.
    """

    token_endpoint: str
    nonce_endpoint: str
    credential_endpoint: str
    configurations: frozenset[str]
    encryption: JsonObject | None


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; ``lifetime`` in seconds, if the issuer says."""

    text: str
    lifetime: int | None


class IssuerClient:
    """Speaks to the one issuer ``issuer`` over ``http``, a client for its URL."""

    def __init__(self, issuer: str, http: httpx.Client) -> None:
        self.issuer = issuer
        self._http = http

    def metadata(self) -> IssuerMetadata:
        """Fetch the metadata of the issuer and of its authorization server, which is itself.

        Raises:
            Invalid: ``invalid_issuer_metadata``.
            Refused: ``wrong_issuer``: the metadata is another issuer's.
            KeybornError: as ``keyborn.client.request``.
        """
        step = "metadata"
        server = self._get(_AUTHORIZATION_SERVER, step)
        issuer = self._get(_CREDENTIAL_ISSUER, step)
        self._check_name(issuer.get("credential_issuer"), step)
        self._check_name(server.get("issuer"), step)
        servers = issuer.get("authorization_servers", [self.issuer])
        if not isinstance(servers, list) or self.issuer not in servers:
            raise _invalid("the issuer is not its own authorization server", value=servers)
        return IssuerMetadata(
            token_endpoint=self._endpoint(server, "token_endpoint"),
            nonce_endpoint=self._endpoint(issuer, "nonce_endpoint"),
            credential_endpoint=self._endpoint(issuer, "credential_endpoint"),
            configurations=_configurations(issuer),
            encryption=_encryption(issuer),
        )

    def token(self, metadata: IssuerMetadata, code: str, tx_code: str | None) -> Token:
        """Trade the pre-authorized code for an access token (section 6.1).

        Raises:
            Invalid: ``invalid_grant`` and others that the issuer answers; ``invalid_answer``.
            KeybornError: as ``keyborn.client.request``.
        """
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}
        if tx_code is not None:
            form["tx_code"] = tx_code
        answer = request_json(self._http, "POST", metadata.token_endpoint, step="token", form=form)
        token, lifetime = answer.get("access_token"), answer.get("expires_in")
        if not _is_text(token, _MAX_TOKEN) or str(answer.get("token_type")).lower() != "bearer":
            raise Invalid(
                "invalid_answer",
                "the answer holds no bearer token",
                step="token",
                hint="check that the address is that of an OpenID4VCI 1.0 issuer",
            )
        if lifetime is not None and (
            type(lifetime) is not int or not 0 <= lifetime <= _MAX_LIFETIME
        ):
            raise Invalid(
                "invalid_answer",
                "expires_in is no lifetime",
                step="token",
                hint="check that the address is that of an OpenID4VCI 1.0 issuer",
            )
        return Token(str(token), lifetime)

    def nonce(self, metadata: IssuerMetadata) -> str:
        """A fresh ``c_nonce`` for one possession proof (section 7).

        Raises:
            Invalid: ``invalid_answer``.
            KeybornError: as ``keyborn.client.request``.
        """
        answer = request_json(self._http, "POST", metadata.nonce_endpoint, step="nonce")
        nonce = answer.get("c_nonce")
        if not _is_text(nonce, _MAX_NONCE):
            raise Invalid(
                "invalid_answer",
                "the answer holds no c_nonce",
                step="nonce",
                hint="check that the address is that of an OpenID4VCI 1.0 issuer",
            )
        return str(nonce)

    def credential(
        self,
        metadata: IssuerMetadata,
        token: str,
        configuration: str,
        proof: str,
    ) -> JsonObject:
        """Ask for one credential (section 8): encrypted both ways wherever the issuer can.

        The key that the answer is encrypted to is made for this request and forgotten after it.

        Raises:
            Invalid: ``invalid_answer``, ``invalid_jwe``, and what the issuer answers.
            KeybornError: as ``keyborn.client.request``.
        """
        step = "credential"
        body: JsonObject = {
            "credential_configuration_id": configuration,
            "proofs": {"jwt": [proof]},
        }
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        content, key = canonicalize(body), None
        if metadata.encryption is not None:
            key = EncryptionKey.generate("response")
            body["credential_response_encryption"] = {
                "jwk": key.public_jwk(),
                "enc": CONTENT_ENCRYPTION,
            }
            content = encrypt_jwe(canonicalize(body), metadata.encryption).encode("ascii")
            headers["content-type"] = "application/jwt"
        answer = request(
            self._http,
            "POST",
            metadata.credential_endpoint,
            step=step,
            content=content,
            headers=headers,
        )
        try:
            data = answer.body if key is None else key.decrypt(answer.body.decode("ascii"))
            return _one_credential(parse_object(data))
        except UnicodeDecodeError as error:
            raise Invalid(
                "invalid_jwe",
                "the answer is not the encrypted message asked for",
                step=step,
                hint="see to the issuer: a configuration is sent encrypted",
            ) from error
        except Invalid as error:
            raise error.at(step) from error

    def _get(self, name: str, step: str) -> JsonObject:
        """The metadata document ``name``: well-known, before the path (section 12.2.2)."""
        parts = urlsplit(self.issuer)
        url = f"{parts.scheme}://{parts.netloc}/.well-known/{name}{parts.path}"
        return request_json(self._http, "GET", url, step=step)

    def _check_name(self, value: Json, step: str) -> None:
        if not isinstance(value, str) or value.rstrip("/") != self.issuer:
            raise Refused(
                "wrong_issuer",
                f"the metadata at {self.issuer} is that of another issuer",
                step=step,
                value=value,
                hint="check the issuer's URL, and its configured public URL",
            )

    def _endpoint(self, metadata: JsonObject, name: str) -> str:
        value = metadata.get(name)
        if not isinstance(value, str) or _origin(value) != _origin(self.issuer):
            raise _invalid(f"{name} is no URL on the issuer's own origin", value=value)
        return value


def explained(error: KeybornError) -> KeybornError:
    """An error of the exchange, with the issuer's own word for it and what to do next.

    OAuth leaves one text for everything (RFC 6749, section 5.2). A Keyborn issuer puts into it
    what happened, its code and a hint: ``the code has expired [code_expired]; ask for another``.
    """
    said = _DESCRIPTION.fullmatch(error.message)
    hint = error.hint or _HINTS.get(error.code)
    if said is not None:
        error.message, error.code = said["message"], said["code"]
        hint = said["hint"] or hint
    error.hint = _DOWN if error.code in ("unreachable", "timeout") else hint
    return error


def check_issuer_url(url: str, *, explicit: bool) -> None:
    """Return if a device may enrol at ``url``: by https, or in the clear where that is no risk.

    Args:
        url: The credential issuer identifier.
        explicit: Whether a person named the URL, and not the offer alone.

    Raises:
        Invalid: ``invalid_issuer_url``.
        Refused: ``insecure_issuer``: the offer names an http URL that is not of this machine.
    """
    origin = _origin(url)
    if origin is None or "?" in url or "#" in url:
        raise Invalid(
            "invalid_issuer_url",
            "an issuer is named by a URL of the form https://host[:port][/path]",
            step="offer",
            value=url,
            hint="take the offer whole; else see to the issuer that made it",
        )
    scheme, host, _ = origin
    if scheme == "http" and not explicit and not _is_loopback(host):
        raise Refused(
            "insecure_issuer",
            "the offer's issuer is reached without TLS: who listens would learn the claim",
            step="offer",
            value=url,
            hint=f"use https; or, on a network that you trust, name it: --issuer {url}",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL of HTTP; None for anything else, and where a user is named."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if port is None or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def _configurations(metadata: JsonObject) -> frozenset[str]:
    supported = metadata.get("credential_configurations_supported")
    if not isinstance(supported, dict):
        raise _invalid("it lists no credential configurations")
    return frozenset(
        name
        for name, entry in supported.items()
        if isinstance(entry, dict) and entry.get("format") == "ldp_vc"
    )


def _encryption(metadata: JsonObject) -> JsonObject | None:
    """The key to encrypt requests to, where requests and answers can be encrypted as we do."""
    incoming = metadata.get("credential_request_encryption")
    outgoing = metadata.get("credential_response_encryption")
    if not isinstance(incoming, dict) or not isinstance(outgoing, dict):
        return None
    if CONTENT_ENCRYPTION not in _list(incoming, "enc_values_supported"):
        return None
    if CONTENT_ENCRYPTION not in _list(outgoing, "enc_values_supported"):
        return None
    if KEY_AGREEMENT not in _list(outgoing, "alg_values_supported"):
        return None
    jwks = incoming.get("jwks")
    for key in _list(jwks, "keys") if isinstance(jwks, dict) else []:
        if isinstance(key, dict) and key.get("kty") == "OKP" and key.get("crv") == "X25519":
            return key
    return None


def _list(value: JsonObject, name: str) -> list[Json]:
    found = value.get(name)
    return found if isinstance(found, list) else []


def _one_credential(answer: JsonObject) -> JsonObject:
    """The one credential of a credential response (section 8.3)."""
    credentials = answer.get("credentials")
    if isinstance(credentials, list) and len(credentials) == 1 and isinstance(credentials[0], dict):
        credential = credentials[0].get("credential")
        if isinstance(credential, dict):
            return credential
    if "transaction_id" in answer:
        raise Invalid(
            "deferred_issuance",
            "the issuer defers the credential, and a device does not wait for one",
            hint="grant the claim, then repeat the enrolment",
        )
    raise Invalid(
        "invalid_answer",
        "the answer does not hold one credential",
        hint="check that the address is that of an OpenID4VCI 1.0 issuer",
    )


def _is_text(value: Json, limit: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= limit and value.isascii()


def _invalid(problem: str, *, value: object = None) -> Invalid:
    return Invalid(
        "invalid_issuer_metadata",
        f"the issuer's metadata cannot be used: {problem}",
        step="metadata",
        value=value,
        hint="check that the address is that of an OpenID4VCI 1.0 issuer",
    )
