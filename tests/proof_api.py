"""The VC-API of a verifier that has a trust root, asked over real sockets."""

from collections.abc import Iterator
from typing import Any, Final

import httpx
from gatehouse import Gatehouse
from serving import serving

from did.jcs import JsonObject
from did.strict_json import parse_object
from verifier.app import create_app
from verifier.trust_root import TrustedIssuer

TOKEN: Final = "t" * 43


class Api:
    """A verifier's VC-API, asked by whoever has its token."""

    def __init__(self, house: Gatehouse, client: httpx.Client) -> None:
        self.house = house
        self.client = client

    def verify(self, credential: JsonObject, **options: Any) -> httpx.Response:
        body = {"verifiableCredential": credential, "options": options}
        return self.client.post("/credentials/verify", json=body)

    def verify_presentation(self, presentation: bytes, **options: Any) -> httpx.Response:
        body = {"verifiablePresentation": parse_object(presentation), "options": options}
        return self.client.post("/presentations/verify", json=body)


def serve(house: Gatehouse, *issuers: TrustedIssuer) -> Iterator[Api]:
    app = create_app(house.verifier(*issuers), now=lambda: house.now, vc_api_token=TOKEN)
    headers = {"authorization": f"Bearer {TOKEN}"}
    with serving(app) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield Api(house, client)


def code(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["verified"] is False
    return str(answer.json()["code"])
