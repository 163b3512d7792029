"""The device's half of OpenID for Verifiable Credential Issuance 1.0: one method per request.

Pre-authorized code flow (section 3.5): metadata (12.2), token (6), nonce (7), credential (8) and
deferred credential (9), with encrypted requests and responses (10), and notification (11). A device
talks to the issuer that it was pointed at and to nobody else: every endpoint must lie on the
issuer's own origin.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx

from devices.issuer_metadata import IssuerMetadata, invalid, origin_of, read_metadata
from did.errors import Invalid, KeybornError, Refused
from did.jcs import Json, JsonObject, canonicalize
from did.jose import CONTENT_ENCRYPTION, EncryptionKey, encrypt_jwe
from did.openid4vci import PRE_AUTHORIZED
from did.strict_json import Numbers, parse_object
from keyborn import oauth_errors
from keyborn.client import request, request_json

_CREDENTIAL_ISSUER: Final = "openid-credential-issuer"
_AUTHORIZATION_SERVER: Final = "oauth-authorization-server"
_MAX_TOKEN: Final = 4_096
_MAX_NONCE: Final = 1_024
_MAX_LIFETIME: Final = 31_536_000
_MAX_ID: Final = 1_024
_DETAIL: Final = "openid_credential"
_HINTS: Final[Mapping[str, str]] = {
    "invalid_grant": "check the transaction code, or ask the operator for a new claim",
    "invalid_token": "repeat the enrolment; if the claim has expired, ask for a new one",
    "invalid_nonce": "repeat the enrolment",
    "invalid_proof": "check the device's clock, and that its DID is not deactivated",
    "credential_request_denied": "ask the operator whose device this claim is for",
    "invalid_transaction_id": "repeat the enrolment",
}
_DOWN: Final = "wait for the issuer, then enrol again: nothing is lost, or granted twice"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token.

    Attributes:
        text: As it is sent.
        lifetime: In seconds, if the issuer says.
        identifiers: By configuration id, a credential identifier to ask with; None if it is to be
            asked with the configuration's id.
    """

    text: str
    lifetime: int | None
    identifiers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A credential, as it stands in the answer: an object or a text, by its format.

    ``notification`` is the answer's notification id, if it has one.
    """

    credential: JsonObject | str
    notification: str | None


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet: ask with ``transaction`` again, after ``interval`` seconds at the earliest."""

    transaction: str
    interval: int


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
        return read_metadata(self.issuer, issuer, server)

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
        return Token(str(token), lifetime, _identifiers(answer.get("authorization_details")))

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
        proof: Json,
        *,
        identifiers: Mapping[str, str] | None = None,
    ) -> Issued | Pending:
        """Ask for one credential (section 8).

        Args:
            metadata: The issuer's.
            token: The access token.
            configuration: What to ask for, one of ``metadata.configurations``.
            proof: The possession proof, of the proof type that the metadata has for it.
            identifiers: Those that the token came with.

        Raises:
            Invalid: ``invalid_answer``, ``invalid_jwe``, and what the issuer answers.
            Refused: ``not_authorized``: the token came with identifiers, and none is for it.
            KeybornError: as ``keyborn.client.request``.
        """
        body: JsonObject = {"proofs": {metadata.configurations[configuration]: [proof]}}
        if identifiers is None:
            body["credential_configuration_id"] = configuration
        elif configuration in identifiers:
            body["credential_identifier"] = identifiers[configuration]
        else:
            raise Refused(
                "not_authorized",
                f"the issuer offered {configuration}, and gave a token that is not for it",
                step="credential",
                value=configuration,
                hint="see to the issuer: its offer and its token disagree",
            )
        return self._ask(metadata, metadata.credential_endpoint, token, body, "credential")

    def deferred(self, metadata: IssuerMetadata, token: str, transaction: str) -> Issued | Pending:
        """Ask for what was deferred (section 9); as ``credential``."""
        endpoint = metadata.deferred_endpoint
        if endpoint is None:
            raise invalid("it defers a credential, and has no deferred_credential_endpoint")
        body: JsonObject = {"transaction_id": transaction}
        return self._ask(metadata, endpoint, token, body, "deferred credential")

    def notify(
        self, endpoint: str, token: str, notification: str, event: str, description: str | None
    ) -> None:
        """Say what became of a credential (section 11).

        Raises:
            KeybornError: as ``keyborn.client.request``.
        """
        body: JsonObject = {"notification_id": notification, "event": event}
        if description is not None:
            body["event_description"] = description
        headers = {"authorization": f"Bearer {token}"}
        request(self._http, "POST", endpoint, step="notification", json=body, headers=headers)

    def _ask(
        self, metadata: IssuerMetadata, endpoint: str, token: str, body: JsonObject, step: str
    ) -> Issued | Pending:
        """Make a request: encrypted both ways wherever the issuer can (section 10).

        The key that the answer is encrypted to is made for this request and forgotten after it.
        """
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
        answer = request(self._http, "POST", endpoint, step=step, content=content, headers=headers)
        try:
            data = answer.body if key is None else key.decrypt(answer.body.decode("ascii"))
            return _outcome(parse_object(data, numbers=Numbers.ANY))
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
        """The metadata document ``name``: well-known, before the path.

        A path's final slash is part of the name, save where OAuth's metadata are looked for; a path
        of it alone is none (OpenID4VCI 1.0, section 12.2.2; RFC 8414, section 3.1).
        """
        parts = urlsplit(self.issuer)
        path = "" if parts.path == "/" else parts.path
        if name == _AUTHORIZATION_SERVER:
            path = path.removesuffix("/")
        url = f"{parts.scheme}://{parts.netloc}/.well-known/{name}{path}"
        return request_json(self._http, "GET", url, step=step)


def explained(error: KeybornError) -> KeybornError:
    """An error of the exchange, with the issuer's own word for it and what to do next.

    OAuth leaves one text for everything (RFC 6749, section 5.2). A Keyborn issuer puts into it
    what happened, its code and a hint: ``the code has expired [code_expired]; ask for another``.
    """
    told = oauth_errors.explained(error, hint=_HINTS.get(error.code))
    if told.code in ("unreachable", "timeout"):
        told.hint = _DOWN
    return told


def check_issuer_url(url: str, *, explicit: bool) -> None:
    """Return if a device may enrol at ``url``: by https, or in the clear where that is no risk.

    Args:
        url: The credential issuer identifier.
        explicit: Whether a person named the URL, and not the offer alone.

    Raises:
        Invalid: ``invalid_issuer_url``.
        Refused: ``insecure_issuer``: the offer names an http URL that is not of this machine.
    """
    origin = origin_of(url)
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


def _outcome(answer: JsonObject) -> Issued | Pending:
    """What a credential response comes to (sections 8.3 and 9.2)."""
    credentials, transaction = answer.get("credentials"), answer.get("transaction_id")
    interval, notification = answer.get("interval"), answer.get("notification_id")
    if isinstance(credentials, list) and len(credentials) == 1 and isinstance(credentials[0], dict):
        credential = credentials[0].get("credential")
        if isinstance(credential, dict):
            parse_object(canonicalize(credential))  # it is signed, and of integers alone
        if isinstance(credential, dict | str):
            known = str(notification) if _is_text(notification, _MAX_ID) else None
            return Issued(credential, known)
    if (
        "credentials" not in answer
        and _is_text(transaction, _MAX_ID)
        and isinstance(interval, int | float)
        and interval is not True
        and 0 < interval <= _MAX_LIFETIME
    ):
        return Pending(str(transaction), math.ceil(interval))
    raise Invalid(
        "invalid_answer",
        "the answer holds neither one credential nor a transaction to wait for",
        hint="check that the address is that of an OpenID4VCI 1.0 issuer",
    )


def _identifiers(details: Json) -> Mapping[str, str] | None:
    """The first credential identifier of each configuration in ``authorization_details`` (6.2)."""
    if not isinstance(details, list):
        return None
    found: dict[str, str] = {}
    ours = [each for each in details if isinstance(each, dict) and each.get("type") == _DETAIL]
    for detail in ours:
        configuration = detail.get("credential_configuration_id")
        identifiers = detail.get("credential_identifiers")
        first = identifiers[0] if isinstance(identifiers, list) and identifiers else None
        if not _is_text(configuration, _MAX_ID) or not _is_text(first, _MAX_ID):
            raise Invalid(
                "invalid_answer",
                "the answer's authorization_details name no credential_identifiers",
                step="token",
                hint="check that the address is that of an OpenID4VCI 1.0 issuer",
            )
        found.setdefault(str(configuration), str(first))
    return found if ours else None


def _is_text(value: Json, limit: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= limit and value.isascii()
