"""A ledger, an issuer and a verifier, all real, on real sockets, for devices to meet."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final

import httpx
from serving import serving, serving_named
from starlette.types import ASGIApp

from did.identifier import parse_did
from issuer.serving import running
from issuer.status_terms import StatusTerms
from keyborn import clock
from ledger.network import Network, write_network
from ledger.operations import Operation
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import OperationStatus, Relay
from ledger.service import embedded_service
from verifier.app import create_app
from verifier.openid4vp.serving import add_openid4vp
from verifier.opening import verifier_at
from verifier.trust_root import DEFAULT_TYPES, Policy, TrustedIssuer, TrustRoot

SECRETS = {"ssid": "plant-7", "psk": "correct horse"}


@dataclass(frozen=True)
class Services:
    """Everybody but the devices.

    ``folder`` is free for tests; ``network_file`` is what the ledger hands out.
    """

    folder: Path
    network: Network
    network_file: Path
    issuer_url: str
    issuer_did: str
    verifier_url: str
    admin: httpx.Client
    asker: httpx.Client

    def ask(self, **wish: Any) -> dict[str, Any]:
        """A new request of the verifier by OpenID4VP, as it tells who asks."""
        answer = self.asker.post("/requests", json=wish)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def outcome(self, asked: dict[str, Any], **query: str) -> dict[str, Any]:
        """Where a request stands, as its secret shows it."""
        answer = httpx.get(
            f"{self.verifier_url}/v1/openid4vp/requests/{asked['id']}",
            params=query,
            headers={"authorization": f"Bearer {asked['secret']}"},
        )
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def claims(self, count: int, **terms: Any) -> list[dict[str, Any]]:
        """So many new claims, as the issuer tells its operator."""
        row = {"model": "thermo-2", "owner": "plant-7", "configuration": SECRETS, **terms}
        answer = self.admin.post("/claims", json={"claims": [row] * count})
        assert answer.is_success, answer.text
        made: list[dict[str, Any]] = answer.json()["claims"]
        return made

    def offer(self, **terms: Any) -> str:
        """The offer of one new claim, as a URI."""
        return str(self.claims(1, **terms)[0]["offer"])

    def inventory(self, did: str) -> dict[str, Any]:
        """What the issuer knows of a device."""
        answer = self.admin.get(f"/devices/{did}")
        assert answer.is_success, answer.text
        known: dict[str, Any] = answer.json()
        return known

    def granted(self, did: str) -> list[dict[str, Any]]:
        """The credentials that the issuer ever granted to a device, as its store has them."""
        with closing(sqlite3.connect(self.folder / "issuer" / "issuer.sqlite")) as store:
            rows = store.execute("SELECT credential FROM grants WHERE did = ?", (did,))
            return [json.loads(row[0]) for row in rows]


@contextmanager
def ledger_service(
    folder: Path,
    *,
    finality_depth: int = 0,
    block_seconds: float = 1.0,
    tls: SSLContext | None = None,
) -> Iterator[Network]:
    """An embedded ledger and its registrar."""
    with (
        embedded_service(
            folder,
            batching=Batching(delay=0.02, poll=0.05),
            finality_depth=finality_depth,
            block_seconds=block_seconds,
        ) as ledger,
        serving(ledger.app, tls=tls) as url,
    ):
        yield Network(ledger.network.pin, url)


class Paid:
    """A registrar whose ledger is an embedded one and that reports gas, as on Ethereum."""

    TRANSACTION: Final = "0x" + "ab" * 32
    GAS: Final = 36_443

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def submit(self, operation: Operation) -> OperationStatus:
        return self._relay.submit(operation)

    def status(self, operation: bytes) -> OperationStatus:
        known = self._relay.status(operation)
        if known.receipt is None:
            return known
        receipt = replace(known.receipt, transaction=self.TRANSACTION, gas=self.GAS)
        return replace(known, receipt=receipt)


@contextmanager
def services(
    folder: Path,
    *,
    statuses: StatusTerms | None = None,
    tls: SSLContext | None = None,
    trusting: SSLContext | None = None,
) -> Iterator[Services]:
    """The services, all their state in ``folder``; over HTTPS with ``tls``, for ``trusting``."""
    verify = trusting or True
    with ExitStack() as stack:
        network = stack.enter_context(ledger_service(folder / "ledger", tls=tls))
        write_network(folder / "network.toml", network)
        make_issuer = stack.enter_context(
            running(
                network,
                folder / "issuer",
                url=None,
                statuses=statuses or StatusTerms(),
                approval_interval=1,
            )
        )
        issuer_url = stack.enter_context(serving_named(make_issuer, tls=tls))
        token = (folder / "issuer" / "admin.token").read_text().strip()
        admin = stack.enter_context(
            httpx.Client(
                base_url=f"{issuer_url}/v1/admin",
                headers={"authorization": f"Bearer {token}"},
                verify=verify,
            )
        )
        issuer_did = str(admin.get("/issuer").json()["did"])
        trust = TrustRoot(
            network,
            (TrustedIssuer(parse_did(issuer_did), DEFAULT_TYPES, (f"{issuer_url}/v1/status/",)),),
            Policy(max_status_age=timedelta(0)),
        )

        def make_verifier(url: str) -> ASGIApp:
            place = folder / "verifier"
            opened = stack.enter_context(verifier_at(trust, place, audience=url))
            app = create_app(opened)
            add_openid4vp(app, opened, place, url=url, named=None, now=clock.now, stack=stack)
            return app

        verifier_url = stack.enter_context(serving_named(make_verifier, tls=tls))
        asking = (folder / "verifier" / "openid4vp.token").read_text().strip()
        asker = stack.enter_context(
            httpx.Client(
                base_url=f"{verifier_url}/v1/openid4vp",
                headers={"authorization": f"Bearer {asking}"},
                verify=verify,
            )
        )
        yield Services(
            folder,
            network,
            folder / "network.toml",
            issuer_url,
            issuer_did,
            verifier_url,
            admin,
            asker,
        )
