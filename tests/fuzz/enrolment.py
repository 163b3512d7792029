"""OpenID4VCI, both roles: offers, possession proofs, requests, metadata, and what goes wrong."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import orjson
from actors import DEVICE, ISSUER, NOW
from fuzz.envelopes import KEY, NAMES, token_of
from fuzz.target import SEPARATOR, Target, holds, joined, only_invalid, parts_of, same, text_of

from devices.inputs import Claim, _claim, _items
from devices.issuer_client import IssuerClient, explained
from devices.issuer_metadata import IssuerMetadata
from did.configurations import CONFIGURATIONS
from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.jcs import canonicalize
from did.jose import CONTENT_ENCRYPTION, KEY_AGREEMENT, encrypt_jwe
from did.limits import LIMITS
from did.openid4vci import (
    CONFIGURATION_CONFIGURATION,
    PROVISIONING_CONFIGURATION,
    Offer,
    OfferReference,
    TxCode,
    parse_any_offer,
    parse_offer,
)
from did.possession import (
    DI_VP,
    PROOF_TYP,
    PossessionProof,
    parse_possession,
    sign_possession,
    sign_possession_presentation,
)
from did.strict_json import parse_object
from issuer.requests import (
    CredentialRequest,
    DeferredRequest,
    read_deferred_request,
    read_request,
)
from keyborn import problem
from keyborn.oauth import read_form

_ISSUER: Final = "https://issuer.example"
_OFFER: Final = Offer(_ISSUER, tuple(CONFIGURATIONS), "code", TxCode(6, "on the label"))
_FORM: Final = "application/x-www-form-urlencoded"
_OFFER_WORDS: Final = (
    b"openid-credential-offer://?credential_offer_uri=https%3A%2F%2F",
    b"openid-credential-offer://?credential_offer=",
    b'"credential_issuer":',
    b'"credential_configuration_ids":',
    b'"pre-authorized_code":',
    b'"tx_code":',
    b'"length":',
    b"%22",
)
_REQUEST_WORDS: Final = (
    b'"credential_configuration_id":',
    b'"credential_identifier":',
    b'"proofs":',
    b'"jwt":',
    b'"credential_response_encryption":',
    b'"jwk":',
    *NAMES,
)


def _offer_law(_: bytes, offer: Offer | OfferReference) -> None:
    uri = offer.to_uri()
    if len(uri) <= LIMITS.offer:  # percent-encoded, it may be too long
        same(parse_any_offer(uri), offer, "an offer is read from its URI")
    if isinstance(offer, Offer):
        text = orjson.dumps(offer.to_json()).decode()
        same(parse_offer(text), offer, "an offer is read as written")


def _possession_law(_: bytes, proof: PossessionProof) -> None:
    only_invalid(proof.method.key)
    only_invalid(proof.verify, DEVICE.key.public_key())


def _read_sealed(data: bytes) -> CredentialRequest:
    return read_request(encrypt_jwe(data, KEY.public_jwk()).encode(), "application/jwt", KEY)


def _request_law(_: bytes, request: CredentialRequest) -> None:
    kind = request.configuration.kind
    same(CONFIGURATIONS[request.configuration.id], request.configuration, "it is one that is there")
    if request.reply_to is not None:
        encrypt_jwe(b"{}", request.reply_to)
    else:
        same(kind, PROVISIONING_CONFIGURATION, "secrets travel in the clear")
    for proof in request.proofs:
        only_invalid(parse_possession, proof, request.proof_type)


def _clear_law(data: bytes, request: CredentialRequest) -> None:
    same(request.reply_to, None, "a key that came in the clear is encrypted to")
    _request_law(data, request)


def _deferred_law(_: bytes, request: DeferredRequest) -> None:
    same(request.reply_to, None, "a key that came in the clear is encrypted to")


def _form_law(_: bytes, fields: dict[str, str]) -> None:
    same(
        read_form(urlencode(fields).encode(), _FORM, step="request"), fields, "a form is read back"
    )


def _requests(configuration: str, **members: Any) -> bytes:
    return canonicalize(
        {
            "credential_configuration_id": configuration,
            "proofs": {"jwt": ["a.b.c"]},
            **members,
        }
    )


def _sealed_requests() -> Mapping[str, bytes]:
    reply = {"jwk": KEY.public_jwk(), "enc": CONTENT_ENCRYPTION}
    return {
        "provisioning": _requests(PROVISIONING_CONFIGURATION),
        "configuration": _requests(
            CONFIGURATION_CONFIGURATION, credential_response_encryption=reply
        ),
    }


def _read_metadata(data: bytes) -> IssuerMetadata:
    server, issuer = parts_of(data, 2)

    def answer(request: httpx.Request) -> httpx.Response:
        body = server if "authorization" in request.url.path else issuer
        headers = {"content-type": "application/json"}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(body))

    with httpx.Client(transport=httpx.MockTransport(answer), base_url=_ISSUER) as http:
        return IssuerClient(_ISSUER, http).metadata()


def _metadata_law(_: bytes, metadata: IssuerMetadata) -> None:
    for url in (
        *(metadata.token_endpoint, metadata.nonce_endpoint, metadata.credential_endpoint),
        *(metadata.deferred_endpoint, metadata.notification_endpoint),
    ):
        if url is not None:
            only_invalid(_check_origin, url)
    if metadata.encryption is not None:
        only_invalid(encrypt_jwe, b"{}", metadata.encryption)


def _check_origin(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:  # which the client refuses when it is asked for
        return
    same((parsed.scheme, parsed.host), ("https", "issuer.example"), "an endpoint is another's")
    same(parsed.userinfo, b"", "an endpoint names a user")


_SUPPORTED: Final[dict[str, Any]] = {
    "format": "ldp_vc",
    "cryptographic_binding_methods_supported": ["did:keyborn"],
    "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["EdDSA"]}},
}


def _metadata() -> Mapping[str, bytes]:
    encrypted = {
        "credential_request_encryption": {
            "jwks": {"keys": [KEY.public_jwk()]},
            "enc_values_supported": [CONTENT_ENCRYPTION],
            "encryption_required": False,
        },
        "credential_response_encryption": {
            "alg_values_supported": [KEY_AGREEMENT],
            "enc_values_supported": [CONTENT_ENCRYPTION],
            "encryption_required": False,
        },
    }
    server = {"issuer": _ISSUER, "token_endpoint": f"{_ISSUER}/token"}
    bare = {
        "credential_issuer": _ISSUER,
        "nonce_endpoint": f"{_ISSUER}/nonce",
        "credential_endpoint": f"{_ISSUER}/credential",
        "credential_configurations_supported": {PROVISIONING_CONFIGURATION: _SUPPORTED},
    }
    return {
        name: joined(canonicalize(server), canonicalize(issuer))
        for name, issuer in {"in the clear": bare, "encrypted": {**bare, **encrypted}}.items()
    }


def _problem_law(_: bytes, error: KeybornError) -> None:
    orjson.dumps(problem.details(error, 400))
    shown = explained(error)
    holds(len(str(shown)) <= 2_000, "what a server says is repeated at length")
    orjson.dumps(problem.details(shown, 400))


def _problems() -> Mapping[str, bytes]:
    oauth = {"error": "invalid_grant", "error_description": "it expired [code_expired]; ask anew"}
    ours = problem.details(Refused("code_expired", "it expired", step="token", hint="ask"), 403)
    return {"oauth": canonicalize(oauth), "ours": canonicalize(ours), "neither": b"<html>"}


def _read_claims(data: bytes) -> list[Claim]:
    return [_claim(item) for item in _items(data)]


def _claims_law(data: bytes, claims: list[Claim]) -> None:
    for claim in claims:
        _offer_law(data, claim.offer)


def _claims() -> Mapping[str, bytes]:
    offer, claim = _OFFER.to_json(), {"offer": _OFFER.to_uri(), "tx_code": "123456"}
    return {
        "lines": b"\n".join([_OFFER.to_uri().encode(), orjson.dumps(claim), b""]),
        "list": orjson.dumps([offer, claim]),
        "object": orjson.dumps({"claims": [claim]}),
    }


TARGETS: Final = {
    "offer": Target(
        lambda data: parse_any_offer(text_of(data)),
        _offer_law,
        lambda: {
            "uri": _OFFER.to_uri().encode(),
            "reference": OfferReference(f"{_ISSUER}/offers/1").to_uri().encode(),
            "json": orjson.dumps(_OFFER.to_json()),
            "no code": orjson.dumps(Offer(_ISSUER, ("a",), "c").to_json()),
        },
        max_bytes=LIMITS.offer + 64,
        words=_OFFER_WORDS,
    ),
    "claims-file": Target(
        _read_claims,
        _claims_law,
        _claims,
        words=(*_OFFER_WORDS, b'"claims":', b'"offer":', b"[[[[[["),
    ),
    "possession": Target(
        lambda data: parse_possession(text_of(data)),
        _possession_law,
        lambda: {
            "signed": sign_possession(
                DEVICE.did, DEVICE.key, audience=_ISSUER, nonce="n", issued=NOW
            ).encode()
        },
    ),
    "possession-parts": Target(
        lambda data: parse_possession(token_of(data)),
        _possession_law,
        lambda: {
            "whole": joined(
                canonicalize({"alg": "EdDSA", "typ": PROOF_TYP, "kid": ISSUER.method.text}),
                canonicalize({"aud": _ISSUER, "nonce": "n", "iat": 1}),
            )
        },
        words=(*NAMES, SEPARATOR, b'"aud":', b'"nonce":', b'"iat":', b'"jwk":', b'"x5c":'),
    ),
    "possession-presentation": Target(
        lambda data: parse_possession(parse_object(data), DI_VP),
        _possession_law,
        lambda: {
            "signed": canonicalize(
                sign_possession_presentation(
                    DEVICE.did, DEVICE.key, audience=_ISSUER, nonce="n", issued=NOW
                )
            )
        },
        words=(b'"proof":', b'"holder":', b'"challenge":', b'"domain":', b'"created":'),
    ),
    "form": Target(
        lambda data: read_form(data, _FORM, step="request"),
        _form_law,
        lambda: {"token": b"grant_type=urn%3Aietf&pre-authorized_code=c&tx_code="},
        words=(b"%00", b"&", b"=", b"%C3%A9", b"+"),
    ),
    "deferred-request": Target(
        lambda data: read_deferred_request(data, "application/json", KEY),
        _deferred_law,
        lambda: {"of a transaction": b'{"transaction_id":"t"}'},
        words=_REQUEST_WORDS,
    ),
    "credential-request": Target(
        lambda data: read_request(data, "application/json", KEY),
        _clear_law,
        lambda: {"provisioning": _requests(PROVISIONING_CONFIGURATION)},
        refusals=(Invalid, Refused),
        words=_REQUEST_WORDS,
    ),
    "credential-request-sealed": Target(
        _read_sealed,
        _request_law,
        _sealed_requests,
        refusals=(Invalid, Refused),
        words=_REQUEST_WORDS,
    ),
    "issuer-metadata": Target(
        _read_metadata,
        _metadata_law,
        _metadata,
        refusals=(Invalid, Refused, Unavailable),
        words=(SEPARATOR, b'"token_endpoint":', b'"https://issuer.example', b'"jwks":', b'"keys":'),
    ),
    "problem-details": Target(
        lambda data: problem.parse(400, data, retry_after=text_of(data)[:12], step="token"),
        _problem_law,
        _problems,
        words=(
            b'"detail":',
            b'"error_description":',
            b'"code":',
            b'"step":',
            b'"hint":',
            b'"type":',
        ),
    ),
}
