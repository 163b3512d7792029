"""One instance: an embedded ledger, the fixed identity on it, and the three roles as one app."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from conformance.identity import DidMethod, Identity
from conformance.manifest import ISSUER, VERIFIER
from did.identifier import Did
from issuer.app import install_not_found
from issuer.identity import OneKey
from issuer.status_route import router as status_routes
from issuer.status_terms import StatusTerms
from issuer.store import open_store
from issuer.vc_api import CredentialSigner
from issuer.vc_api import router as issuer_routes
from keyborn.client import connect
from keyborn.clock import now
from keyborn.files import private_directory
from keyborn.http import install
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.network import Network
from ledger.operations import Batch, Create, encode_batch
from ledger.reader import LogReader
from ledger.resolution_api import routes as resolver_routes
from ledger.resolving.methods import MethodResolver
from verifier.acceptance import UnsafeAcceptAnyIssuer
from verifier.proofs_only import ProofVerifier
from verifier.statuses import Statuses
from verifier.store import open_store as open_verifier_store
from verifier.trust_root import Policy, TrustedIssuer, TrustRoot
from verifier.vc_api import router as verifier_routes

_POLICY: Final = Policy(max_status_age=timedelta(0))
_TTL: Final = timedelta(seconds=60)
_ANY: Final = ("VerifiableCredential",)


@dataclass(frozen=True, slots=True)
class Instance:
    """What runs, once it is told where.

    Attributes:
        did: The issuer's.
        make_app: The application for a URL.
    """

    did: Did
    make_app: Callable[[str], FastAPI]


@contextmanager
def instance(
    directory: Path,
    *,
    identity: Identity,
    method: DidMethod,
    authorities: ssl.SSLContext | None,
    clock: Callable[[], datetime] = now,
) -> Iterator[Instance]:
    """An instance for the time of a ``with`` block.

    Args:
        directory: Its state; private, made if it is missing.
        identity: The issuer's.
        method: Of the issuer's DID.
        authorities: Who vouches for the instance itself, whose status lists the verifier fetches
            over HTTPS; None for the usual ones.
        clock: The time.
    """
    private_directory(directory)
    did = identity.did(method)
    with ExitStack() as stack:
        ledger = stack.enter_context(EmbeddedLedger(directory / "log"))
        index = Index.open(directory / "index.sqlite", ledger.log_id)
        reader = stack.enter_context(LogReader(ledger, index))
        if not reader.resolve(identity.did(DidMethod.KEYBORN)).versions:
            batch = encode_batch(Batch(creates=(Create(identity.genesis),)))
            ledger.submit(ledger.prepare(batch))
        engine = open_store(directory / "issuer.sqlite")
        stack.callback(engine.dispose)
        since = datetime.fromtimestamp(0, UTC)
        key = OneKey(engine, did, identity.signer, since=since)
        store = stack.enter_context(closing(open_verifier_store(directory / "verifier")))
        fetch = partial(connect, authorities=authorities)
        statuses = stack.enter_context(closing(Statuses(store=store, connect=fetch)))

        def make_app(url: str) -> FastAPI:
            signer = CredentialSigner(
                url=f"{url}{ISSUER}",
                engine=engine,
                identity=key,
                statuses=StatusTerms(ttl=_TTL),
                clock=clock,
            )
            issuer = TrustedIssuer(did, _ANY, (f"{signer.url}/v1/status/",))
            root = TrustRoot(Network(ledger.pin, url), (issuer,), _POLICY)
            proofs = ProofVerifier(
                trust_root=root,
                resolver=reader,
                statuses=statuses,
                acceptance=UnsafeAcceptAnyIssuer(root),
            )
            app = FastAPI(title="Keyborn conformance", openapi_url=None)
            install(app)
            install_not_found(app)
            app.include_router(issuer_routes(signer, token=None))
            app.include_router(status_routes(signer))
            app.include_router(verifier_routes(proofs, token=None, now=clock), prefix=VERIFIER)
            app.include_router(resolver_routes(MethodResolver(reader)))
            return app

        yield Instance(did, make_app)
