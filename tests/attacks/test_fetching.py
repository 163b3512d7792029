"""Addresses in what others sent: nothing is fetched because an input says so.

Behind each address is a listener that hangs up; whoever calls it has called before he goes on.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import pytest
from actors import DEVICE, STRANGER
from eth_abi import encode
from ethereum_support import http_server, reply
from gatehouse import INDEX, Gatehouse, Issuer
from outcomes import invalid, refused, undecided

from did.errors import Invalid, Undecided
from did.jcs import JsonObject
from did.vc.status_list import REVOCATION, StatusEntry
from ledger.ethereum.node import Node, NodeError
from verifier.decision import Check
from verifier.statuses import Statuses
from verifier.verifier import Verifier


@dataclass
class Listener:
    """Who was called, and how often."""

    url: str
    calls: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        listener = Listener(f"http://127.0.0.1:{server.getsockname()[1]}")

        def hang_up() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                listener.calls.append(str(address))
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def calling_out(house: Gatehouse, *prefixes: str) -> Verifier:
    """A verifier with the client that it has outside of tests, which calls what it is told to."""
    issuer = house.issuer.trusted(status=prefixes) if prefixes else house.issuer.trusted()
    return house.verifier(issuer, statuses=Statuses(store=house.store))


def with_member(name: str, value: Any) -> Callable[[JsonObject], object]:
    return lambda document: document.update({name: value})


def places(url: str) -> dict[str, Callable[[JsonObject], object]]:
    """Where a credential may name an address that other software fetches."""
    return {
        "@context": lambda document: document["@context"].append(f"{url}/v1"),  # type: ignore[union-attr] # a list
        "an @context that imports": lambda document: document["@context"].append(  # type: ignore[union-attr]
            {"@import": f"{url}/v1"}
        ),
        "id": with_member("id", f"{url}/credential"),
        "credentialSchema": with_member(
            "credentialSchema", {"id": f"{url}/schema", "type": "JsonSchema"}
        ),
        "termsOfUse": with_member("termsOfUse", {"id": f"{url}/terms", "type": "TermsOfUse"}),
        "evidence": with_member("evidence", {"id": f"{url}/evidence", "type": "Evidence"}),
        "refreshService": with_member(
            "refreshService", {"id": f"{url}/refresh", "type": "RefreshService"}
        ),
        "renderMethod": with_member("renderMethod", {"id": f"{url}/r", "type": "SvgTemplate"}),
        "relatedResource": with_member(
            "relatedResource", {"id": f"{url}/resource", "digestMultibase": "uEiAAAA"}
        ),
    }


@pytest.mark.parametrize("place", places(""))
def test_an_address_in_a_credential(standing: Gatehouse, listener: Listener, place: str) -> None:
    """Signed by the issuer even: that it is trusted does not make the verifier its errand boy."""
    house, device = standing, standing.device(DEVICE)
    plain = house.issuer.trusted(status=())
    verifier = house.verifier(plain, statuses=Statuses(store=house.store))
    pointing = house.issuer.issue(DEVICE.short, statuses=(), alter=places(listener.url)[place])
    with suppress(Invalid):  # whether it is taken is another question
        house.admit(device, pointing, verifier=verifier)
    assert listener.calls == []

    house.admit(device, house.issuer.issue(DEVICE.short, statuses=()), verifier=verifier)


def test_an_address_of_a_status_list(house: Gatehouse, listener: Listener) -> None:
    device = house.device(DEVICE)
    elsewhere = (StatusEntry(REVOCATION, INDEX, f"{listener.url}/list-1"),)
    pointing = house.issuer.issue(DEVICE.short, statuses=elsewhere)
    with refused("status_not_trusted", Check.STATUS):
        house.admit(device, pointing, verifier=calling_out(house))
    assert listener.calls == []

    # The twin: it is called where the trust root says so, and not before.
    with undecided("status_unavailable", Check.STATUS):
        house.admit(device, pointing, verifier=calling_out(house, f"{listener.url}/"))
    assert listener.calls != []


def test_a_status_list_is_fetched_after_the_signatures_were_checked(house: Gatehouse) -> None:
    """Else whoever writes a credential himself chooses, among the issuer's, what is fetched."""
    device, stranger = house.device(DEVICE), Issuer(house, STRANGER)
    house.append(stranger.life.create())
    good = house.issuer.issue(DEVICE.short)
    altered = {**good, "id": "urn:uuid:1"}
    with invalid("invalid_signature", Check.CREDENTIAL_SIGNATURE):
        house.admit(device, altered)
    with refused("untrusted_issuer", Check.ISSUER):
        house.admit(device, stranger.issue(DEVICE.short))
    verifier = house.verifier()
    forged = house.present(
        device, good, challenge=verifier.challenge(at=house.now), key=STRANGER.key
    )
    with invalid("unknown_verification_method", Check.HOLDER):
        verifier.admit(forged, at=house.now)
    assert house.statuses.fetched == []

    house.admit(device, good)
    assert house.statuses.fetched == [entry.list_url for entry in house.issuer.entries()]


def test_a_list_that_points_elsewhere(house: Gatehouse, listener: Listener) -> None:
    """Who serves the issuer's lists cannot send the verifier on, by whatever it is that he says."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    for place in ("@context", "credentialSchema", "refreshService", "relatedResource"):
        house.issuer.publish(alter=places(listener.url)[place])
        with suppress(Undecided):
            house.admit(device, credential)
        assert listener.calls == []
    house.issuer.publish()
    house.admit(device, credential)


def test_an_address_in_an_ethereum_nodes_answer(listener: Listener) -> None:
    """A contract may say that its answer is elsewhere (EIP-3668); other readers go there."""
    urls = [f"{listener.url}/{{sender}}/{{data}}"]
    lookup = encode(
        ["address", "string[]", "bytes", "bytes4", "bytes"], ["0x" + "11" * 20, urls, b"", b"", b""]
    )
    error = {
        "code": 3,
        "message": "execution reverted",
        "data": "0x556f1830" + lookup.hex(),
    }

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        request = orjson.loads(body)
        told = {"error": error} if request["method"] == "eth_call" else {"result": "0x1"}
        reply(handler, orjson.dumps({"jsonrpc": "2.0", "id": request["id"], **told}))

    with http_server(answer) as url, Node(url) as node:
        with pytest.raises(NodeError) as raised:
            node.call("eth_call", {"to": "0x" + "11" * 20, "data": "0x"}, "latest")
        assert raised.value.reason == "execution reverted"
        assert node.call("eth_chainId") == "0x1"
    assert listener.calls == []
