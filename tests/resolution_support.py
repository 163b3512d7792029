"""A ledger service that resolves did:keyborn, did:key and did:web, over HTTP, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
from actors import DEVICE, ISSUER, actor
from registrar_support import Site, create, rotation
from serving import serving
from web_hosts import WebHost, document, web_host

from did.identifier import Genesis
from did.web_identifier import WebDid
from ledger.app import create_app
from ledger.operations import Create
from ledger.resolving.web import WebResolver

RESULT: Final = "application/did-resolution"
DEREFERENCING: Final = "application/did-url-dereferencing"
OLDER: Final = 'application/ld+json;profile="https://w3id.org/did-resolution"'
OLDER_DEREFERENCING: Final = 'application/ld+json;profile="https://w3id.org/did-url-dereferencing"'

THIRD: Final = actor("third").key
ENDED: Final = actor("ended")
KEYLESS: Final = Genesis(bytes(32), DEVICE.did.id)  # what it was made with is no key
INSIDE: Final = "printer.corp.example"  # a name that leads to an address which is not public
BETWEEN: Final = "2026-01-31T12:00:30Z"  # after the creations, before the rotations


@dataclass
class Resolving:
    """The service, its log, and a host of did:web documents.

    Attributes:
        site: The ledger.
        host: Serves the document of ``web``.
        url: The endpoint, up to ``identifiers``.
    """

    site: Site
    host: WebHost
    url: str

    @property
    def web(self) -> WebDid:
        return self.host.did("devices")

    def get(self, did: str, accept: str = RESULT, *, encoded: bool = False, **query: Any) -> Any:
        """Ask for ``did``: as it is, which is then to be encoded where it must, or wholly so."""
        text = quote(did, safe="") if encoded else did
        return httpx.get(f"{self.url}/{text}", headers={"accept": accept}, params=query or None)

    def post(self, did: str, body: bytes, accept: str = RESULT) -> Any:
        url = f"{self.url}/{quote(did, safe='')}"
        return httpx.post(url, headers={"accept": accept}, content=body)


def services(did: WebDid) -> list[dict[str, Any]]:
    return [
        {"id": "#files", "type": "Files", "serviceEndpoint": "https://files.example/of/7/"},
        {"id": f"{did.text}#mail", "type": "Mail", "serviceEndpoint": "mailto:a@mail.example"},
    ]


@contextmanager
def resolving(directory: Path) -> Iterator[Resolving]:
    """Device: rotated. Ended: deactivated. Keyless: created. A did:web with services."""
    site = Site(directory)
    site.append(create(DEVICE), create(ENDED), Create(KEYLESS))
    site.clock.move(60)
    log = site.ledger.log_id
    site.append(rotation(DEVICE, log, to=THIRD.public_key()), rotation(ENDED, log))
    site.clock.move(60)
    with web_host(directory) as host:
        web = host.did("devices")
        host.serve(web, document(web, ISSUER, service=services(web)))
        app = create_app(
            registrar=site.registrar,
            resolver=site.reader,
            embedded=site.ledger,
            web=WebResolver(host.https({INSIDE: ["10.0.0.7"]}), now=site.clock),
        )
        with serving(app) as url:
            yield Resolving(site, host, f"{url}/1.0/identifiers")
    site.stop()
