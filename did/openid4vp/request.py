"""Signed request objects (OpenID4VP 1.0, section 5; RFC 9101): made, taken apart, read.

``open_request`` says whose one is, so that its signature can be verified; ``read_request`` reads
what a verified one asks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from did.errors import Invalid, Refused
from did.identifier import DidUrl, parse_did_url
from did.jcs import Json, JsonObject
from did.jose import (
    CONTENT_ENCRYPTION,
    KEY_AGREEMENT,
    Jws,
    is_encryption_key,
    parse_jws,
    sign_jws,
)
from did.keys import Signer
from did.limits import LIMITS
from did.openid4vp.client_id import ClientId, parse_client_id
from did.openid4vp.dcql import Query, parse_query
from did.openid4vp.link import check_url, invalid
from did.strict_json import Numbers
from did.timestamps import time_of_number

REQUEST_TYP: Final = "oauth-authz-req+jwt"
REQUEST_TYPE: Final = f"application/{REQUEST_TYP}"
# Who is asked is not known beforehand (section 5.8).
ANY_WALLET: Final = "https://self-issued.me/v2"
RESPONSE_TYPE: Final = "vp_token"

_STATE: Final = 4_096  # characters; some put a signed token there
_CLIENT_ID: Final = LIMITS.did + 64  # and a prefix
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


class ResponseMode(StrEnum):
    """How the answer travels: in the clear, or encrypted to a key of the request (section 8.3)."""

    DIRECT_POST = "direct_post"
    DIRECT_POST_JWT = "direct_post.jwt"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request object whose signature has not been verified, nor its parameters read.

    Attributes:
        client_id: Who says to ask.
        method: The DID URL of the key that says to have signed; its DID is the client id's.
        jws: The token; ``jws.verify(key)`` checks the signature.
    """

    client_id: ClientId
    method: DidUrl
    jws: Jws


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What is asked, as a request object says it.

    Attributes:
        client_id: Who asks, prefix included: what the presentation is for.
        response_uri: Where the answer goes.
        mode: How.
        nonce: What the presentation is signed for.
        query: Which credentials.
        state: Goes back with the answer, if there is one.
        formats: What the verifier can verify, by format; None if it does not say.
        encryption: The public JWK that the answer is encrypted to, where ``mode`` says so.
        wallet_nonce: What the holder asked to find here, when it fetched the request object.
        issued: When it says to have been made.
        begins: When it begins, if it says.
        expires: When it ends, if it says.
    """

    client_id: ClientId
    response_uri: str
    mode: ResponseMode
    nonce: str
    query: Query
    state: str | None = None
    formats: Mapping[str, JsonObject] | None = None
    encryption: JsonObject | None = None
    wallet_nonce: str | None = None
    issued: datetime | None = None
    begins: datetime | None = None
    expires: datetime | None = None

    def to_json(self) -> JsonObject:
        """The payload of its request object."""
        metadata: JsonObject = {"vp_formats_supported": dict(self.formats or {})}
        if self.encryption is not None:
            metadata["jwks"] = {"keys": [self.encryption]}
            metadata["encrypted_response_enc_values_supported"] = [CONTENT_ENCRYPTION]
        value: dict[str, Json] = {
            "aud": ANY_WALLET,
            "client_id": self.client_id.text,
            "response_type": RESPONSE_TYPE,
            "response_mode": self.mode.value,
            "response_uri": self.response_uri,
            "nonce": self.nonce,
            "state": self.state,
            "dcql_query": self.query.document,
            "client_metadata": metadata,
            "wallet_nonce": self.wallet_nonce,
            "iat": None if self.issued is None else int(self.issued.timestamp()),
            "nbf": None if self.begins is None else int(self.begins.timestamp()),
            "exp": None if self.expires is None else int(self.expires.timestamp()),
        }
        return {name: each for name, each in value.items() if each is not None}


def sign_request(request: AuthorizationRequest, signer: Signer, *, method: DidUrl) -> str:
    """The request object of ``request``, by the key that ``method`` names."""
    return sign_jws({"typ": REQUEST_TYP, "kid": method.text}, request.to_json(), signer)


def open_request(token: str) -> SignedRequest:
    """Take a request object apart, as far as is needed to know whose it is.

    Raises:
        Invalid: ``invalid_jwt`` (also for another ``typ``), ``invalid_authorization_request``, or
            as ``parse_did_url``.
        Refused: ``client_id_prefix_not_supported``.
    """
    jws = parse_jws(
        token, typ=REQUEST_TYP, limit=LIMITS.request_object, numbers=Numbers.ANY
    )  # what is not known in a query or in metadata is ignored, whatever it is
    named, kid = jws.payload.get("client_id"), jws.header.get("kid")
    if not isinstance(named, str):
        raise invalid("a request object has no client_id")
    client_id = parse_client_id(named)
    did = client_id.did()
    if not isinstance(kid, str):
        raise invalid("a request object's header has no kid: nothing says which key signed it")
    method = parse_did_url(kid)
    if method.did != did:
        raise invalid("a request object is signed by another DID than its client_id names", kid)
    return SignedRequest(client_id, method, jws)


def read_request(payload: JsonObject) -> AuthorizationRequest:
    """The request that a request object's ``payload`` is; what is not known is ignored.

    Raises:
        Invalid: ``invalid_authorization_request``, ``unsupported_response_type``,
            ``invalid_scope``, ``invalid_transaction_data``, ``invalid_dcql_query``.
        Refused: ``insecure_verifier``, ``response_mode_not_supported``,
            ``response_encryption_not_supported``.
    """
    client_id = _text(payload, "client_id", _CLIENT_ID)
    audience = payload.get("aud")
    if ANY_WALLET not in (audience if isinstance(audience, list) else [audience]):
        raise invalid(f"a request object's aud is not {ANY_WALLET}", audience)
    if payload.get("response_type") != RESPONSE_TYPE:
        raise Invalid(
            "unsupported_response_type",
            f"a request's response_type is not {RESPONSE_TYPE}",
            value=payload.get("response_type"),
            hint="have the verifier ask for a vp_token",
        )
    if "transaction_data" in payload:
        raise Invalid(
            "invalid_transaction_data",
            "the request has transaction data, and none is understood here",
            hint="have the verifier ask without transaction_data",
        )
    for name in ("redirect_uri", "request", "request_uri", "request_uri_method"):
        if name in payload:
            raise invalid(f"a request object has {name}, which does not go with direct_post")
    mode = _mode(payload)
    metadata = payload.get("client_metadata", {})
    if not isinstance(metadata, dict):
        raise invalid("client_metadata is not an object")
    return AuthorizationRequest(
        client_id=parse_client_id(client_id),
        response_uri=check_url(payload.get("response_uri"), "response_uri"),
        mode=mode,
        nonce=_url_safe(payload, "nonce"),
        query=_query(payload),
        state=_url_safe(payload, "state", _STATE) if "state" in payload else None,
        formats=_formats(metadata),
        encryption=_encryption(metadata) if mode is ResponseMode.DIRECT_POST_JWT else None,
        wallet_nonce=_text(payload, "wallet_nonce") if "wallet_nonce" in payload else None,
        issued=_time(payload, "iat"),
        begins=_time(payload, "nbf"),
        expires=_time(payload, "exp"),
    )


def _mode(payload: JsonObject) -> ResponseMode:
    mode = payload.get("response_mode", "fragment")  # the default, section 5.6
    if mode not in list(ResponseMode):
        raise Refused(
            "response_mode_not_supported",
            "the request wants its answer in a way that is not supported",
            value=mode,
            hint="have the verifier ask with direct_post or direct_post.jwt",
        )
    return ResponseMode(str(mode))


def _query(payload: JsonObject) -> Query:
    if "scope" in payload:
        raise Invalid(
            "invalid_scope",
            "the request has a scope, and none stands for a query here",
            hint="have the verifier ask with a dcql_query alone",
        )
    if "dcql_query" not in payload:
        raise invalid("a request has no dcql_query")
    return parse_query(payload["dcql_query"])


def _formats(metadata: JsonObject) -> Mapping[str, JsonObject] | None:
    if "vp_formats_supported" not in metadata:
        return None
    value = metadata["vp_formats_supported"]
    if not isinstance(value, dict):
        raise invalid("vp_formats_supported is not an object of objects")
    found = {name: each for name, each in value.items() if isinstance(each, dict)}
    if len(found) != len(value):
        raise invalid("vp_formats_supported is not an object of objects")
    return found


def _encryption(metadata: JsonObject) -> JsonObject:
    """The one key of ``metadata`` that an answer can be encrypted to here (section 8.3)."""
    jwks, encs = metadata.get("jwks"), metadata.get("encrypted_response_enc_values_supported")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if isinstance(encs, list) and CONTENT_ENCRYPTION in encs:
        for key in keys if isinstance(keys, list) else []:
            if isinstance(key, dict) and is_encryption_key(key) and {"alg", "kid"} <= key.keys():
                return key
    raise Refused(
        "response_encryption_not_supported",
        "the request wants its answer encrypted, and offers no way that is supported",
        hint=f"have the verifier offer an X25519 key with {KEY_AGREEMENT} and {CONTENT_ENCRYPTION}",
    )


def _text(payload: JsonObject, name: str, most: int = LIMITS.challenge) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise invalid(f"{name} is missing, or no text of up to {most} characters")
    return value


def _url_safe(payload: JsonObject, name: str, most: int = LIMITS.challenge) -> str:
    value = _text(payload, name, most)
    if not _URL_SAFE.fullmatch(value):
        raise invalid(f"{name} has characters that are not safe in a URL", value)
    return value


def _time(payload: JsonObject, name: str) -> datetime | None:
    try:
        return time_of_number(payload[name]) if name in payload else None
    except Invalid as error:
        raise invalid(f"{name} is not a time in seconds", payload[name]) from error
