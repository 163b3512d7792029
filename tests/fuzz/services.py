"""The services as ``fuzz.over_http`` puts requests to them: at work, with requests that they take.

Each is whole, on a real socket: the issuer with its VC-API, the verifier with its VC-API and
OpenID4VP, the ledger service with an embedded ledger.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx
from actors import DEVICE, ISSUER, Actor, actor
from asking import QUERY, Gate
from asking import TOKEN as ASKING_TOKEN
from fastapi import FastAPI
from gatehouse import Gatehouse, gatehouse
from issuing import TERMS, TOKEN, World, issuing
from onboarding import serving_named
from registrar_support import Site, create, rotation
from serving import serving

from did.jcs import JsonObject
from did.jose import CONTENT_ENCRYPTION, EncryptionKey, encrypt_jwe
from did.openid4vci import (
    CONFIGURATION_CONFIGURATION,
    PRE_AUTHORIZED,
    PROVISIONING_CONFIGURATION,
)
from did.strict_json import parse_object
from did.vc.contexts import V2
from issuer.app import create_app as issuer_app
from issuer.approvals import decide
from issuer.status_terms import StatusTerms
from keyborn.oauth import FORM, JSON
from ledger.app import create_app as ledger_app
from ledger.registrar.messages import operation_to_json
from verifier.app import create_app as verifier_app
from verifier.openid4vp.exchange import Exchange
from verifier.openid4vp.identity import own_identity
from verifier.openid4vp.requests import open_requests
from verifier.openid4vp.routes import install
from verifier.sessions.admission import Sessions
from verifier.sessions.store import open_sessions

Names = Mapping[str, Callable[[], str]]


@dataclass(frozen=True)
class Request:
    """A request that is taken, but for the path's own text.

    Attributes:
        body: An object, to be sent as ``media_type`` has it, or bytes as they are.
        media_type: What the body is said to be.
        token: The bearer token, if not the service's.
        names: What stands in the path.
        query: What follows it.
    """

    body: JsonObject | bytes | None = None
    media_type: str = JSON
    token: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Service:
    """A service that runs.

    Attributes:
        url: Where.
        description: What it says of itself.
        token: What opens what is closed; None where who asks has none.
        names: By the parameter of a path, what makes a name that is known.
        taken: By method and path, what makes requests that are taken.
        accepted: Values of ``Accept`` that mean something to it.
    """

    url: str
    description: dict[str, Any]
    token: str | None
    names: Names
    taken: Mapping[str, Sequence[Callable[[], Request]]]
    accepted: tuple[str, ...] = ()


def fresh() -> Callable[[], Actor]:
    """What makes an actor that nobody knows yet, each time."""
    numbers = itertools.count()
    return lambda: actor(f"fuzz {next(numbers)}")


def _started(app: FastAPI, url: str) -> dict[str, Any]:
    """The description, as the service serves it."""
    served: dict[str, Any] = httpx.get(f"{url}/openapi.json").raise_for_status().json()
    assert served == app.openapi()
    return served


class _Issuer:
    """Requests to an issuer; each makes the claims, devices and tokens that it takes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._fresh = fresh()

    def claim(self, **terms: Any) -> str:
        return self._world.claim(replace(TERMS, **terms)).id

    def device(self) -> str:
        made = self._fresh()
        self._world.enrol(made)
        return made.short.text

    def dids(self) -> Request:
        return Request({"dids": [self.device(), self.device()]})

    def of_device(self) -> Request:
        return Request(names={"did": self.device()})

    def told(self) -> Request:
        return Request({"message": "worn"}, names={"did": self.device()})

    def many_told(self) -> Request:
        return Request({"dids": [self.device()], "message": "worn"})

    def offer(self) -> Request:
        made = self._world.claim()
        return Request(names={"name": made.reference.url.rpartition("/")[2]})

    def token(self) -> Request:
        code = self._world.claim().offer.code
        return Request({"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}, FORM)

    def credential(self) -> Request:
        proof = self._world.proof(self._fresh())
        body: JsonObject = {
            "credential_configuration_id": PROVISIONING_CONFIGURATION,
            "proofs": {"jwt": [proof]},
        }
        return Request(body, token=self._world.token(self._world.claim()))

    def waiting(self) -> tuple[str, str, str]:
        """A claim that a device waits for, the device's token, and its transaction."""
        claim = self._world.claim(replace(TERMS, approval=True))
        token = self._world.token(claim)
        answer = self._world.ask_for(token, self._fresh())
        return claim.id, token, answer.json()["transaction_id"]

    def waiting_for(self) -> Request:
        token = self._world.token(self._world.claim(replace(TERMS, approval=True)))
        return replace(self.credential(), token=token)

    def sealed(self) -> Request:
        body: JsonObject = {
            "credential_configuration_id": CONFIGURATION_CONFIGURATION,
            "proofs": {"jwt": [self._world.proof(self._fresh())]},
            "credential_response_encryption": {
                "jwk": EncryptionKey.generate("reply").public_jwk(),
                "enc": CONTENT_ENCRYPTION,
            },
        }
        issuers = self._world.issuer.keys.encryption.public_jwk()
        jwe = encrypt_jwe(json.dumps(body).encode(), issuers).encode()
        token = self._world.token(self._world.claim(replace(TERMS, configuration={"port": 1})))
        return Request(jwe, "application/jwt", token=token)

    def approved(self) -> Request:
        claim, token, transaction = self.waiting()
        engine, at = self._world.issuer.engine, self._world.clock()
        decide(engine, claim, None, approve=True, at=at)
        return Request({"transaction_id": transaction}, token=token)

    def deferred(self) -> Request:
        _, token, transaction = self.waiting()
        return Request({"transaction_id": transaction}, token=token)

    def decision(self) -> Request:
        return Request({}, names={"claim": self.waiting()[0]})

    def notification(self) -> Request:
        token = self._world.token(self._world.claim())
        granted = self._world.ask_for(token, self._fresh()).json()["notification_id"]
        body: JsonObject = {"notification_id": granted, "event": "credential_accepted"}
        return Request(body, token=token)

    def notified(self) -> Request:
        claim = self._world.claim()
        token = self._world.token(claim)
        granted = self._world.ask_for(token, self._fresh()).json()["notification_id"]
        self._world.notify(token, granted, "credential_accepted").raise_for_status()
        return Request(names={"claim": claim.id})

    def status_list(self) -> Request:
        credential = self._world.enrol(self._fresh())
        return Request(names={"name": credential.statuses[0].list_url.rpartition("/")[2]})

    def claims(self) -> Request:
        claim: JsonObject = {
            "model": "thermo-2",
            "owner": "plant-7",
            "roles": ["sensor"],
            "tags": {"hall": "3"},
            "configuration": {"port": 8883},
            "dids": [self._fresh().did.text],
            "tx_code": True,
        }
        return Request({"claims": [claim]})

    def to_sign(self) -> Request:
        credential: JsonObject = {
            "@context": [V2],
            "type": ["VerifiableCredential"],
            "issuer": "https://issuer.example",
            "credentialSubject": {"id": "urn:example:subject"},
        }
        return Request({"credential": credential, "options": {"statusPurpose": "revocation"}})

    def status(self, url: str) -> Request:
        id_ = f"urn:example:{self._fresh().short.id.hex()}"
        request = self.to_sign().body
        assert isinstance(request, dict)
        body = {**request, "options": {"statusPurpose": "revocation", "credentialId": id_}}
        headers = {"authorization": f"Bearer {TOKEN}"}
        httpx.post(f"{url}/credentials/issue", json=body, headers=headers).raise_for_status()
        entry: JsonObject = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
        return Request({"credentialId": id_, "credentialStatus": entry})


@contextmanager
def issuer(directory: Path, *, token: str | None = TOKEN) -> Iterator[Service]:
    """An issuer; who asks has its administration token unless that is None."""
    statuses = StatusTerms(messages=("fine", "worn"))
    with issuing(directory, statuses=statuses) as world:
        world.clock.ticking = True  # else a rotation waits for the log in vain
        app = issuer_app(world.issuer, admin_token=TOKEN, with_vc_api=True)
        with serving(app) as url:
            make = _Issuer(world)
            admin = "/v1/admin"
            yield Service(
                url,
                _started(app, url),
                token,
                {
                    "claim": make.claim,
                    "did": make.device,
                    "name": lambda: make.offer().names["name"],
                },
                {
                    "GET /offers/{name}": (make.offer,),
                    "POST /token": (make.token,),
                    "POST /credential": (make.credential, make.waiting_for, make.sealed),
                    "POST /deferred_credential": (make.deferred, make.approved),
                    "POST /notification": (make.notification,),
                    "GET /v1/status/{name}": (make.status_list,),
                    f"POST {admin}/claims": (make.claims,),
                    f"GET {admin}/claims/{{claim}}": (make.notified,),
                    f"POST {admin}/claims/{{claim}}/approve": (make.decision,),
                    f"POST {admin}/claims/{{claim}}/deny": (make.decision,),
                    f"POST {admin}/devices/{{did}}/suspend": (make.of_device,),
                    f"POST {admin}/devices/{{did}}/tell": (make.told,),
                    f"POST {admin}/fleet/suspend": (make.dids,),
                    f"POST {admin}/fleet/reinstate": (make.dids,),
                    f"POST {admin}/fleet/revoke": (make.dids,),
                    f"POST {admin}/fleet/tell": (make.many_told,),
                    f"POST {admin}/rotate": (lambda: Request({}),),
                    "POST /credentials/issue": (make.to_sign,),
                    "POST /credentials/status": (lambda: make.status(url),),
                },
                ("application/vc", "application/vc+jwt", "application/vc+cose", "text/html"),
            )


@contextmanager
def without_token(directory: Path) -> Iterator[Service]:
    """An issuer, for who has not its token."""
    with issuer(directory, token=None) as service:
        yield service


class _Verifier:
    """Requests to a verifier."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._house: Gatehouse = gate.house
        self._device = self._house.device(DEVICE)
        self._credential = self._house.issuer.issue(DEVICE.short)

    def _shown(self) -> bytes:
        challenge = self._house.verifier().challenge(at=self._house.now)
        return self._house.present(self._device, self._credential, challenge=challenge)

    def presentation(self) -> Request:
        return Request(self._shown(), "application/vp")

    def object_of_presentation(self) -> Request:
        return Request(parse_object(self._shown()), "application/vp")

    def session(self) -> Request:
        answer = self._gate.http.post("/v1/sessions", content=self._shown())
        return Request(token=answer.raise_for_status().json()["token"])

    def asked(self) -> Request:
        asked = self._gate.ask()
        return Request(token=asked["secret"], names={"id_": asked["id"]})

    def fetched(self) -> Request:
        names = {"id_": self._gate.ask()["id"]}
        return Request({"wallet_nonce": "n" * 22}, FORM, names=names)

    def answer(self) -> Request:
        request = self._gate.fetch(self._gate.ask())
        shown = self._gate.present(request, self._credential, device=self._device)
        (query,) = request.query.credentials
        token = httpx.Response(200, json={query.id: [shown]}).text
        names = {"id_": request.response_uri.rpartition("/")[2]}
        return Request({"vp_token": token, "state": request.state}, FORM, names=names)

    def answered(self) -> Request:
        asked = self._gate.ask()
        request = self._gate.fetch(asked)
        self._gate.answer(request, self._credential).raise_for_status()
        return Request(token=asked["secret"], names={"id_": asked["id"]})

    def credential(self) -> Request:
        options: JsonObject = {"returnCredential": True}
        return Request({"verifiableCredential": self._credential, "options": options})

    def proofs(self) -> Request:
        options: JsonObject = {"returnPresentation": True}
        shown = parse_object(self._shown())
        return Request({"verifiablePresentation": shown, "options": options})


@contextmanager
def verifier(directory: Path) -> Iterator[Service]:
    """A verifier, with OpenID4VP and the VC-API."""
    with gatehouse(directory) as house, ExitStack() as stack:
        requests = stack.enter_context(open_requests(house.directory / "verifier"))
        identity = own_identity(house.directory / "verifier")
        decides = house.verifier()
        kept = stack.enter_context(open_sessions(house.directory / "verifier"))
        sessions = Sessions(decides, kept)
        made: list[tuple[FastAPI, Exchange]] = []

        def make_app(url: str) -> FastAPI:
            app = verifier_app(
                decides, now=lambda: house.now, vc_api_token=ASKING_TOKEN, sessions=sessions
            )
            named = decides.called(identity.client_id.text)
            exchange = Exchange(named, identity, requests, url)
            install(app, exchange, token=ASKING_TOKEN, now=lambda: house.now)
            made.append((app, exchange))
            return app

        url = stack.enter_context(serving_named(make_app))
        http = stack.enter_context(httpx.Client(base_url=url))
        ((app, exchange),) = made
        make = _Verifier(Gate(house, exchange, http))
        yield Service(
            url,
            _started(app, url),
            ASKING_TOKEN,
            {"id_": lambda: make.asked().names["id_"]},
            {
                "POST /v1/challenges": (lambda: Request({"did": DEVICE.did.text}),),
                "POST /v1/presentations": (make.presentation, make.object_of_presentation),
                "POST /v1/sessions": (make.presentation, make.object_of_presentation),
                "GET /auth": (make.session,),
                "DELETE /v1/sessions": (make.session,),
                "POST /v1/openid4vp/requests": (lambda: Request({"dcql_query": QUERY}),),
                "GET /v1/openid4vp/requests/{id_}": (make.answered, make.asked),
                "GET /openid4vp/requests/{id_}": (make.asked,),
                "POST /openid4vp/requests/{id_}": (make.fetched,),
                "POST /openid4vp/responses/{id_}": (make.answer,),
                "POST /credentials/verify": (make.credential,),
                "POST /presentations/verify": (make.proofs,),
            },
        )


@contextmanager
def ledger(directory: Path) -> Iterator[Service]:
    """The ledger service over an embedded ledger, without did:web."""
    site = Site(directory)
    try:
        log, make = site.ledger.log_id, fresh()
        site.append(create(DEVICE), create(ISSUER))
        site.append(
            rotation(DEVICE, log), rotation(ISSUER, log, to=actor("third").key.public_key())
        )
        dids = itertools.cycle(
            (
                ISSUER.short.text,
                DEVICE.short.text,  # deactivated
                make().did.text,
                ISSUER.key_did.text,
                f"{ISSUER.short.text}?versionId=1",
                f"{ISSUER.short.text}#{actor('third').key.public_key().multibase}",
                "did:web:devices.example",
                "did:example:123",
            )
        )

        def registered() -> Request:
            return Request(operation_to_json(create(make())))

        def known_hash() -> str:
            operation = create(make())
            site.registrar.submit(operation)
            return operation.id.hex()

        app = ledger_app(registrar=site.registrar, resolver=site.reader, embedded=site.ledger)
        with serving(app) as url:
            yield Service(
                url,
                _started(app, url),
                None,
                {"hash_": known_hash, "did": lambda: next(dids)},
                {
                    "POST /v1/operations": (registered,),
                    "POST /1.0/identifiers/{did}": (
                        lambda: Request(
                            {"expandRelativeUrls": True}, names={"did": ISSUER.short.text}
                        ),
                        lambda: Request({"expandRelativeUrls": True}, names={"did": next(dids)}),
                    ),
                    "GET /1.0/identifiers/{did}": (
                        lambda: Request(names={"did": ISSUER.short.text}),
                        lambda: Request(names={"did": next(dids)}),
                    ),
                    "GET /v1/log/entries": (lambda: Request(query={"start": 1, "stop": 2}),),
                },
                (
                    *("application/did-resolution", "application/did", "application/json"),
                    *("application/did-url-dereferencing", "application/did+ld+json"),
                    'application/ld+json;profile="https://w3id.org/did-resolution"',
                    *("text/uri-list", "text/html"),
                ),
            )
    finally:
        site.stop()


SERVICES: Final[Mapping[str, Callable[[Path], AbstractContextManager[Service]]]] = {
    "issuer": issuer,
    "issuer, without its token": without_token,
    "verifier": verifier,
    "ledger": ledger,
}
