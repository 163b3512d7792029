"""An issuer on a real embedded ledger, and devices that enrol with it, in one process."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import httpx
from actors import NOW, Actor
from serving import serving

from did.configurations import CONFIGURATIONS
from did.errors import Refused
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.jose import EncryptionKey, encrypt_jwe
from did.keys import PublicKey, SigningKey
from did.openid4vci import (
    CONFIGURATION_CONFIGURATION,
    PRE_AUTHORIZED,
    PROVISIONING_CONFIGURATION,
)
from did.possession import JWT, sign_possession, sign_possession_presentation
from did.strict_json import parse_object
from did.vc.credential import Credential, parse_credential
from issuer.app import create_app
from issuer.claims import NewClaim, create
from issuer.grants import Granted, grant
from issuer.identity import Identity
from issuer.keys import load_keys
from issuer.metadata import base_path
from issuer.possession import check_possession, mint_nonce
from issuer.service import Issuer
from issuer.status_terms import StatusTerms
from issuer.store import open_store, settings
from issuer.terms import Terms
from keyborn.storage import Eras
from ledger.controller import Controller
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.operations import Batch, Create, Operation, Update, encode_batch, sign_update
from ledger.reader import LogReader
from ledger.registrar.messages import OperationStatus, OperationType, State

URL: Final = "https://issuer.example"
TOKEN: Final = "t" * 43
SECRETS: Final[JsonObject] = {"wifi": {"ssid": "plant-7", "psk": "correct horse"}, "port": 8883}
TERMS: Final = Terms(model="thermo-2", owner="plant-7", roles=("sensor",), tags={"hall": "3"})


class Clock:
    """A time that moves when told to, or by a second whenever the ledger looks at it."""

    def __init__(self) -> None:
        self.moment = NOW
        self.ticking = False

    def __call__(self) -> datetime:
        return self.moment

    def for_ledger(self) -> int:
        if self.ticking:
            self.advance(1)
        return int(self.moment.timestamp())

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class AtOnce:
    """A relay that puts each operation on the ledger before it answers."""

    def __init__(self, ledger: EmbeddedLedger) -> None:
        self._ledger = ledger

    def submit(self, operation: Operation) -> OperationStatus:
        batch = (
            Batch(creates=(operation,))
            if isinstance(operation, Create)
            else Batch(updates=(operation,))
        )
        self._ledger.submit(self._ledger.prepare(encode_batch(batch)))
        made = isinstance(operation, Create)
        kind = OperationType.CREATE if made else OperationType.UPDATE
        return OperationStatus(operation.id, kind, KeybornDid(operation.id), State.QUEUED)

    def status(self, operation: bytes) -> OperationStatus:
        raise Refused("unknown_operation", f"no word of {operation.hex()}")


@dataclass
class World:
    """Everything that a test of the issuer may want to touch."""

    directory: Path
    clock: Clock
    ledger: EmbeddedLedger
    reader: LogReader
    issuer: Issuer
    things: ExitStack

    @cached_property
    def http(self) -> httpx.Client:
        """A client of the issuer on a real socket, which is opened when it is first asked for."""
        app = create_app(self.issuer, admin_token=TOKEN)
        base = self.things.enter_context(serving(app)) + base_path(self.issuer.url)
        return self.things.enter_context(httpx.Client(base_url=base))

    @cached_property
    def admin(self) -> httpx.Client:
        """A client of the administration API, with its token."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        base = f"{str(self.http.base_url).rstrip('/')}/v1/admin"
        return self.things.enter_context(httpx.Client(base_url=base, headers=headers))

    def claim(self, terms: Terms = TERMS) -> NewClaim:
        return create(
            self.issuer.engine,
            [terms],
            url=self.issuer.url,
            key=self.issuer.keys.offer,
            at=self.clock(),
        )[0]

    def register(self, actor: Actor) -> None:
        assert actor.did.genesis is not None
        self._append(Batch(creates=(Create(actor.did.genesis),)))

    def rotate(self, actor: Actor, following: SigningKey) -> None:
        """Put a rotation of a newly registered ``actor`` on the log: to its next key."""
        self._update(actor, following.public_key())

    def deactivate(self, actor: Actor) -> None:
        self._update(actor, None)

    def _update(self, actor: Actor, following: PublicKey | None) -> None:
        update: Update = sign_update(
            actor.next_key,
            log_id=self.ledger.log_id,
            id_=actor.did.id,
            prev=actor.did.id,
            next_key=following,
        )
        self._append(Batch(updates=(update,)))

    def _append(self, batch: Batch) -> None:
        self.ledger.submit(self.ledger.prepare(encode_batch(batch)))

    def token(self, claim: NewClaim, **changes: str) -> str:
        answer = self.redeem(claim, **changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def redeem(self, claim: NewClaim, **changes: str) -> httpx.Response:
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": claim.offer.code}
        if claim.tx_code is not None:
            form["tx_code"] = claim.tx_code
        return self.http.post("/token", data={**form, **changes})

    def nonce(self) -> str:
        key, era = self.issuer.keys.nonce, self.issuer.eras.number()
        return mint_nonce(key, issuer=self.issuer.url, at=self.clock(), era=era).text

    def proof(self, actor: Actor, **changes: Any) -> str:
        """A possession proof by ``actor``, long form, with a fresh nonce; all can be changed."""
        return sign_possession(
            changes.get("did", actor.did),
            changes.get("signer", actor.key),
            audience=changes.get("audience", self.issuer.url),
            nonce=changes.get("nonce") or self.nonce(),
            issued=changes.get("issued", self.clock()),
        )

    def presentation(self, actor: Actor, **changes: Any) -> JsonObject:
        """A possession proof of type ``di_vp``, as ``proof``."""
        return sign_possession_presentation(
            changes.get("did", actor.did),
            changes.get("signer", actor.key),
            audience=changes.get("audience", self.issuer.url),
            nonce=changes.get("nonce") or self.nonce(),
            issued=changes.get("issued", self.clock()),
        )

    def ask_for(
        self, token: str, *actors: Actor, nonce: str = "", **changes: Any
    ) -> httpx.Response:
        """A request with a proof of each of ``actors``: with one nonce for all, if it is given."""
        proofs = {"jwt": [self.proof(each, nonce=nonce) for each in actors]}
        return self.ask(token, "", **{"proofs": proofs, **changes})

    def come_back(self, token: str, transaction: str, **changes: Any) -> httpx.Response:
        """A deferred credential request."""
        body = {"transaction_id": transaction, **changes}
        return self.post("/deferred_credential", token, body)

    def notify(
        self, token: str, notification: object, event: object, **more: Any
    ) -> httpx.Response:
        """A notification request."""
        body = {"notification_id": notification, "event": event, **more}
        return self.post("/notification", token, body)

    def post(self, path: str, token: str, body: object) -> httpx.Response:
        """A request with a token, in the clear."""
        return self.http.post(path, json=body, headers={"authorization": f"Bearer {token}"})

    def sealed(self, path: str, token: str, body: JsonObject) -> httpx.Response:
        """A request with a token, encrypted."""
        jwe = encrypt_jwe(json.dumps(body).encode(), self.issuer.keys.encryption.public_jwk())
        headers = {"authorization": f"Bearer {token}", "content-type": "application/jwt"}
        return self.http.post(path, content=jwe, headers=headers)

    def ask(
        self,
        token: str,
        proof: str,
        *,
        configuration: str | None = PROVISIONING_CONFIGURATION,
        **changes: Any,
    ) -> httpx.Response:
        """A plain credential request."""
        body = {
            "credential_configuration_id": configuration,
            "proofs": {"jwt": [proof]},
            **changes,
        }
        return self.post("/credential", token, body)

    def ask_sealed(
        self, token: str, proof: str, *, reply_to: EncryptionKey, **changes: Any
    ) -> httpx.Response:
        """A credential request that is encrypted both ways."""
        body = {
            "credential_configuration_id": CONFIGURATION_CONFIGURATION,
            "proofs": {"jwt": [proof]},
            "credential_response_encryption": {"jwk": reply_to.public_jwk(), "enc": "A256GCM"},
            **changes,
        }
        return self.sealed("/credential", token, body)

    def enrol(self, actor: Actor, claim: NewClaim | None = None) -> Credential:
        """The provisioning credential of ``actor``, without HTTP."""
        proven = check_possession(
            self.proof(actor),
            JWT,
            issuer=self.issuer.url,
            nonce_key=self.issuer.keys.nonce,
            resolver=self.reader,
            at=self.clock(),
        )
        granted = grant(
            self.issuer,
            claim=(claim or self.claim()).id,
            configuration=CONFIGURATIONS[PROVISIONING_CONFIGURATION],
            possessions=[proven],
            at=self.clock(),
        )
        assert isinstance(granted, Granted)
        return parse_credential(parse_object(granted.credentials[0]))


@contextmanager
def issuing(
    directory: Path,
    *,
    url: str = URL,
    statuses: StatusTerms | None = None,
    location: str | None = None,
) -> Iterator[World]:
    """An issuer that is registered and answers requests; its store is a file unless said."""
    clock = Clock()
    with ExitStack() as things:
        ledger = things.enter_context(EmbeddedLedger(directory / "ledger", clock=clock.for_ledger))
        reader = things.enter_context(LogReader(ledger, Index.temporary(ledger.log_id)))
        engine = open_store(location or directory / "issuer.sqlite")
        things.callback(engine.dispose)
        controller = Controller.create(directory / "identity")
        identity = Identity(engine, controller, registrar=AtOnce(ledger), reader=reader)
        identity.start()
        issuer = Issuer(
            url=url,
            engine=engine,
            keys=load_keys(engine),
            eras=Eras(engine, settings),
            identity=identity,
            log=reader,
            log_id=ledger.log_id,
            statuses=statuses or StatusTerms(),
            clock=clock,
        )
        yield World(
            directory=directory,
            clock=clock,
            ledger=ledger,
            reader=reader,
            issuer=issuer,
            things=things,
        )
