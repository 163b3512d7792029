"""An OpenID4VCI issuer that does as it is told: honest by default, and wrong on demand.

The real issuer is in ``tests/devices/test_whole.py``; this one can say what that never would.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from actors import ISSUER, LOG_ID, Actor
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from did.identifier import Did, KeybornDid
from did.jcs import JsonObject, canonicalize
from did.jose import EncryptionKey, encrypt_jwe
from did.openid4vci import (
    CONFIGURATION_CONFIGURATION,
    PROVISIONING_CONFIGURATION,
    Offer,
    TxCode,
)
from did.possession import parse_possession
from did.resolution import Finality, Registration, Resolution, Version
from did.strict_json import parse_object
from did.vc.credential import CONFIGURATION, PROVISIONING, build_credential, sign_credential
from keyborn import clock

CODE = "a-code"
TX_CODE = "493536"
SECRET = "wifi-secret"
TYPES = {
    PROVISIONING_CONFIGURATION: PROVISIONING,
    CONFIGURATION_CONFIGURATION: CONFIGURATION,
}


def credential(
    did: Did,
    configuration: str = PROVISIONING_CONFIGURATION,
    *,
    issuer: Actor = ISSUER,
    log_id: bytes | None = LOG_ID,
    at: datetime | None = None,
    until: datetime | None = None,
    **claims: Any,
) -> JsonObject:
    """A credential of ``did``, signed by ``issuer``."""
    valid_from = (at or clock.now()).replace(microsecond=0)
    subject: JsonObject = {"id": did.canonical.text, **claims}
    if log_id is not None:
        subject["logId"] = log_id.hex()
    if configuration == CONFIGURATION_CONFIGURATION:
        subject["configuration"] = {"ssid": "plant", "psk": SECRET}
    document = build_credential(
        TYPES[configuration],
        issuer=issuer.did,
        subject=subject,
        valid_from=valid_from,
        valid_until=until,
    )
    return sign_credential(document, issuer.key, issuer=issuer.did, created=valid_from)


class KnownLog:
    """A resolver that knows what it was told. Implements ``did.resolution.Resolver``."""

    def __init__(self, *actors: Actor, log_id: bytes = LOG_ID) -> None:
        self.log_id = log_id
        self.versions: dict[bytes, tuple[Version, ...]] = {}
        for each in actors:
            self.add(each.did.id, each.key.public_key().raw)

    def add(self, id_: bytes, key: bytes | None, *, since: datetime | None = None) -> None:
        """One more version of a DID."""
        known = self.versions.get(id_, ())
        since = since or datetime(2026, 1, 1, tzinfo=UTC)
        version = Version(
            len(known), id_, key, int(since.timestamp()), len(known) + 1, Finality.FINALIZED
        )
        self.versions[id_] = (*known, version)

    def resolve(self, did: Did, *, at: str | datetime | None = None) -> Resolution:
        assert isinstance(did, KeybornDid)
        assert at is None
        versions = self.versions.get(did.id, ())
        registration = Registration.YES if versions else Registration.NO
        return Resolution(did, registration, versions, self.log_id, clock.now())


@dataclass
class ScriptedIssuer:
    """What the issuer knows, and what it is told to answer.

    ``answers[path]`` holds answers to give instead of the honest ones, first to last; None among
    them stands for an honest one. ``requests[path]`` is what came in.
    """

    actor: Actor = ISSUER
    tx_code: str | None = None
    lifetime: int | None = 600
    url: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    server_metadata: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[Response | None]] = field(default_factory=lambda: defaultdict(list))
    requests: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    key: EncryptionKey = field(default_factory=lambda: EncryptionKey.generate("request"))
    nonces: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    identified: bool = False
    granted: dict[str, JsonObject] = field(default_factory=dict)
    deferring: bool = False
    interval: int = 5
    transactions: dict[str, tuple[str, Did]] = field(default_factory=dict)
    heard: list[tuple[str, str, str | None]] = field(default_factory=list)
    log_id: bytes = LOG_ID

    def reset(self) -> None:
        """Forget everything but the address."""
        vars(self).update(vars(ScriptedIssuer(url=self.url)))

    def offer(self, *configurations: str, code: str = CODE) -> Offer:
        """A claim for what this issuer gives."""
        both = (PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION)
        tx_code = None if self.tx_code is None else TxCode(len(self.tx_code))
        return Offer(self.url, configurations or both, code, tx_code)

    def app(self) -> Starlette:
        routes = {
            "/.well-known/openid-credential-issuer": ("GET", self._issuer),
            "/.well-known/oauth-authorization-server": ("GET", self._server),
            "/token": ("POST", self._token),
            "/nonce": ("POST", self._nonce),
            "/credential": ("POST", self._credential),
            "/deferred_credential": ("POST", self._deferred),
            "/notification": ("POST", self._notification),
        }
        return Starlette(
            routes=[
                Route(path, self._scripted(path, honest), methods=[method])
                for path, (method, honest) in routes.items()
            ]
        )

    def _scripted(self, path: str, honest: Any) -> Any:
        async def answer(request: Request) -> Response:
            body = await request.body()
            self.requests[path].append(body)
            script = self.answers[path]
            told = script.pop(0) if script else None
            response: Response = told if told is not None else honest(request, body)
            return response

        return answer

    def _issuer(self, _request: Request, _body: bytes) -> Response:
        formats = {name: {"format": "ldp_vc"} for name in TYPES}
        value = {
            "credential_issuer": self.url,
            "credential_endpoint": f"{self.url}/credential",
            "nonce_endpoint": f"{self.url}/nonce",
            "deferred_credential_endpoint": f"{self.url}/deferred_credential",
            "notification_endpoint": f"{self.url}/notification",
            "credential_configurations_supported": formats,
            "credential_request_encryption": {
                "jwks": {"keys": [{"kty": "EC"}, self.key.public_jwk()]},
                "enc_values_supported": ["A256GCM"],
                "encryption_required": False,
            },
            "credential_response_encryption": {
                "alg_values_supported": ["ECDH-ES"],
                "enc_values_supported": ["A256GCM"],
                "encryption_required": False,
            },
        }
        return _json({**value, **self.metadata})

    def _server(self, _request: Request, _body: bytes) -> Response:
        value = {"issuer": self.url, "token_endpoint": f"{self.url}/token"}
        return _json({**value, **self.server_metadata})

    def _token(self, _request: Request, body: bytes) -> Response:
        if self.tx_code is not None and f"tx_code={self.tx_code}".encode() not in body:
            return refusal("invalid_grant", "the transaction code is wrong")
        if f"pre-authorized_code={CODE}".encode() not in body:
            return refusal("invalid_grant", "there is no such code")
        token = f"token-{len(self.requests['/token'])}"
        self.tokens.add(token)
        value: JsonObject = {"access_token": token, "token_type": "Bearer"}
        if self.identified:
            value["authorization_details"] = [
                {
                    "type": "openid_credential",
                    "credential_configuration_id": name,
                    "credential_identifiers": [f"dataset of {name}"],
                }
                for name in TYPES
            ]
        return _json(value if self.lifetime is None else {**value, "expires_in": self.lifetime})

    def _nonce(self, _request: Request, _body: bytes) -> Response:
        nonce = f"nonce-{len(self.requests['/nonce'])}"
        self.nonces.add(nonce)
        return _json({"c_nonce": nonce})

    def _credential(self, request: Request, body: bytes) -> Response:
        if not self._admits(request):
            return refusal("invalid_token", "the token is not known", 401)
        encrypted, asked = self._opened(request, body)
        configuration = (
            asked["credential_identifier"].removeprefix("dataset of ")
            if self.identified
            else asked["credential_configuration_id"]
        )
        assert not {"credential_identifier", "credential_configuration_id"} <= set(asked)
        ((proof_type, (shown,)),) = asked["proofs"].items()
        proof = parse_possession(shown, proof_type)
        proof.verify(proof.method.key())
        assert proof.audience == self.url
        assert proof.issued is not None
        assert abs(proof.issued.timestamp() - time.time()) < 10
        if proof.nonce not in self.nonces:
            return refusal("invalid_nonce", "the nonce was used")
        self.nonces.remove(proof.nonce)
        assert encrypted or configuration != CONFIGURATION_CONFIGURATION
        if self.deferring:
            transaction = f"transaction-{configuration}"
            self.transactions[transaction] = (configuration, proof.method.did)
            return self._later(asked, transaction)
        return self._give(asked, configuration, proof.method.did)

    def _deferred(self, request: Request, body: bytes) -> Response:
        if not self._admits(request):
            return refusal("invalid_token", "the token is not known", 401)
        _, asked = self._opened(request, body)
        transaction = asked["transaction_id"]
        if transaction not in self.transactions:
            return refusal("invalid_transaction_id", "there is no such transaction")
        if self.deferring:
            return self._later(asked, transaction)
        configuration, did = self.transactions.pop(transaction)
        return self._give(asked, configuration, did)

    def _notification(self, request: Request, body: bytes) -> Response:
        if not self._admits(request):
            return refusal("invalid_token", "the token is not known", 401)
        said: Any = parse_object(body)
        description = said.get("event_description")
        self.heard.append((said["notification_id"], said["event"], description))
        return Response(status_code=204)

    def _admits(self, request: Request) -> bool:
        return request.headers["authorization"].removeprefix("Bearer ") in self.tokens

    def _opened(self, request: Request, body: bytes) -> tuple[bool, Any]:
        encrypted = request.headers["content-type"] == "application/jwt"
        return encrypted, parse_object(self.key.decrypt(body.decode()) if encrypted else body)

    def _later(self, asked: Any, transaction: str) -> Response:
        return _sealed(asked, {"transaction_id": transaction, "interval": self.interval}, 202)

    def _give(self, asked: Any, configuration: str, did: Did) -> Response:
        document = self.granted.setdefault(
            configuration,
            credential(did, configuration, issuer=self.actor, log_id=self.log_id),
        )
        given: JsonObject = {"credentials": [{"credential": document}]}
        return _sealed(asked, {**given, "notification_id": f"note-{configuration}"})


def refusal(error: str, description: str, status: int = 400) -> Response:
    """An OAuth error."""
    return _json({"error": error, "error_description": description}, status)


def _sealed(asked: Any, value: JsonObject, status: int = 200) -> Response:
    """``value``, encrypted if it was asked for so."""
    told = asked.get("credential_response_encryption")
    answer = canonicalize(value)
    if told is None:
        return Response(answer, status, media_type="application/json")
    return Response(encrypt_jwe(answer, told["jwk"]), status, media_type="application/jwt")


def _json(value: JsonObject, status: int = 200) -> Response:
    return JSONResponse(value, status)


@contextmanager
def scripted_issuer() -> Iterator[ScriptedIssuer]:
    """The issuer, on a real socket."""
    issuer = ScriptedIssuer()
    with serving(issuer.app()) as url:
        issuer.url = url.rstrip("/")
        yield issuer


__all__ = ["KnownLog", "ScriptedIssuer", "credential", "refusal", "scripted_issuer"]
