"""The npm library of OpenID4VP, unchanged: a wallet for our verifier, a verifier for our device.

As wallet, nothing of the device is ours but its credential: Digital Bazaar's library signs, jose
encrypts.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from actors import STRANGER
from onboarding import Services
from peer import Peer, PeerError

from devices.agent import Agent
from devices.connections import Connections
from devices.ledger_access import ledger_access
from devices.openid4vp.holder import answer_link
from did.errors import KeybornError
from did.identifier import parse_did
from did.jcs import canonicalize
from did.keys import SigningKey
from did.openid4vci import parse_offer
from did.openid4vp.link import parse_link
from did.timestamps import format_time
from did.vc.credential import PROVISIONING
from did.vc.formats import Format, read_presentation
from keyborn.clock import now

pytestmark = pytest.mark.npm

QUERY: dict[str, Any] = {
    "credentials": [{"id": "device", "format": "ldp_vc", "meta": {"type_values": [[PROVISIONING]]}}]
}


@pytest.fixture(scope="module")
def device(world: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """Enrolled and registered."""
    folder = tmp_path_factory.mktemp("device")
    with (
        Connections() as connections,
        ledger_access(world.network, folder / "index.sqlite") as ledger,
    ):
        agent = Agent.born(folder / "device", connections)
        agent.network(world.network)
        agent.enroll(parse_offer(world.offer()), ledger)
        agent.register(ledger)
        yield agent


def by_npm(peer: Peer, device: Agent, asked: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What the npm wallet did with the request, in the device's name."""
    signer = device.controller.signer
    assert isinstance(signer, SigningKey)
    question = {
        "link": asked["request"],
        "method": "get",
        "credential": device.credential(),
        "seed": signer.seed.hex(),
        "holder": device.did.canonical.text,
        "created": format_time(now()),
        **changes,
    }
    answered: dict[str, Any] = peer.ask("answer", **question)
    return answered


def test_its_wallet_and_our_verifier(openid4vp: Peer, world: Services, device: Agent) -> None:
    for method in ("get", "post"):
        for mode in ("direct_post", "direct_post.jwt"):
            asked = world.ask(dcql_query=QUERY, response_mode=mode)
            told = by_npm(openid4vp, device, asked, method=method)
            assert told["prefix"] == "decentralized_identifier"
            assert asked["client_id"] == f"decentralized_identifier:{told['did']}"
            assert told["version"] == 100  # 1.0, as this library counts
            assert told["mode"] == mode
            assert (told["status"], told["body"]) == (200, {})
            found = world.outcome(asked)
            assert found["status"] == "accepted"
            assert found["device"]["did"] == device.did.canonical.text
            assert found["credentials"] == {"device": [device.credential()]}


def test_its_wallet_answers_what_our_policy_asks(
    openid4vp: Peer, world: Services, device: Agent
) -> None:
    """It takes the one format of several that it can; the redirect comes back to it."""
    asked = world.ask(redirect_uri="https://shop.example/cb")
    told = by_npm(openid4vp, device, asked)
    code = told["body"]["redirect_uri"].removeprefix("https://shop.example/cb?response_code=")
    assert world.outcome(asked, response_code=code)["status"] == "accepted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"challenge": "another-nonce"}, "wrong_challenge"),
        ({"domain": "decentralized_identifier:did:key:z6Mk"}, "wrong_audience"),
        ({"seed": "00" * 32}, "unknown_verification_method"),
    ],
)
def test_its_wallet_with_something_wrong(
    openid4vp: Peer, world: Services, device: Agent, changes: dict[str, str], code: str
) -> None:
    asked = world.ask(dcql_query=QUERY)
    told = by_npm(openid4vp, device, asked, **changes)
    assert told["status"] in (400, 403)
    assert f"[{code}]" in told["body"]["error_description"]
    assert world.outcome(asked)["status"] == "pending"
    assert by_npm(openid4vp, device, asked)["status"] == 200
    again = by_npm_fails(openid4vp, device, asked)
    assert "410" in again


def by_npm_fails(peer: Peer, device: Agent, asked: dict[str, Any]) -> str:
    with pytest.raises(PeerError) as caught:
        by_npm(peer, device, asked)
    return str(caught.value)


@pytest.mark.parametrize("mode", ["direct_post", "direct_post.jwt"])
def test_its_verifier_and_our_device(openid4vp: Peer, device: Agent, mode: str) -> None:
    asked = openid4vp.ask("listen", seed="07" * 32, query=QUERY, mode=mode)
    said = answer_link(device, parse_link(asked["link"]), resolver=no_log)
    assert said["verifier"] == asked["did"]
    got = openid4vp.ask("received")
    assert got["encrypted"] == (mode == "direct_post.jwt")
    assert got["nonce"] == asked["nonce"]
    (shown,) = got["presentations"]["device"]
    parsed = read_presentation(canonicalize(shown), Format.LDP_VC)
    parsed.proof.verify(device.controller.signer.public_key())
    assert parsed.holder == device.did.canonical
    assert parsed.challenge == asked["nonce"]
    assert parsed.audience == f"decentralized_identifier:{asked['did']}"
    assert parsed.credentials[0].document == device.credential()


def test_its_verifier_and_a_device_that_pins_another(openid4vp: Peer, device: Agent) -> None:
    asked = openid4vp.ask("listen", seed="08" * 32, query=QUERY, mode="direct_post")
    link = parse_link(asked["link"])
    with pytest.raises(KeybornError) as caught:
        answer_link(device, link, resolver=no_log, pinned=STRANGER.key_did)
    assert caught.value.code == "other_verifier"
    answer_link(device, link, resolver=no_log, pinned=parse_did(asked["did"]))
    assert openid4vp.ask("received")["presentations"]


def no_log() -> Any:
    raise AssertionError("a did:key needs no log")
