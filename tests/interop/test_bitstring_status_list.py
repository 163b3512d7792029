"""Status lists of ``@digitalbazaar/vc-bitstring-status-list``, and ours read by it.

Its check takes no time to judge at, so all is made now. It fetches nothing: what a list's URL
gives is handed to it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, STRANGER
from gatehouse import INDEX, Gatehouse, gatehouse
from issuing import World, issuing
from msgspec import structs
from outcomes import invalid, refused, undecided
from peer import Peer

from did.identifier import Did
from did.jcs import JsonObject
from did.keys import SigningKey
from did.resolution import Resolver
from did.timestamps import format_time
from did.vc.bitstring import MINIMUM_ENTRIES, encode_list
from did.vc.credential import Credential
from did.vc.status_list import REVOCATION, SUSPENSION
from issuer import inventory
from issuer.status_terms import StatusTerms
from keyborn.clock import now
from verifier.decision import Check

pytestmark = pytest.mark.npm

MULTIKEY = "https://w3id.org/security/multikey/v1"


def documents(resolver: Resolver, did: Did) -> dict[str, Any]:
    """What a loader is asked for: the DID's document, and each of its methods."""
    resolved: Any = resolver.resolve(did).document()
    methods = {
        each["id"]: {"@context": MULTIKEY, **each} for each in resolved["verificationMethod"]
    }
    return {did.text: resolved, **methods}


# -- theirs, honoured by our verifier ----------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    with gatehouse(tmp_path, start=now().replace(microsecond=0)) as house:
        yield house


def serve_theirs(
    digitalbazaar: Peer,
    house: Gatehouse,
    *indexes: int,
    purpose: str = REVOCATION,
    length: int = MINIMUM_ENTRIES,
    key: SigningKey | None = None,
    **more: Any,
) -> JsonObject:
    """Have the issuer's list for revocation be one that the package made."""
    issuer = house.issuer
    made: JsonObject = digitalbazaar.ask(
        "issueList",
        id=issuer.url(REVOCATION),
        length=length,
        set=indexes,
        statusPurpose=purpose,
        more={"issuer": issuer.did.text, "validFrom": format_time(house.now), **more},
        seed=(key or issuer.key).seed.hex(),
        did=issuer.did.text,
        created=house.now.isoformat(),
        now=house.now.isoformat(),
        documents=documents(house.reader, issuer.did),
    )
    issuer.serve(REVOCATION, made)
    return made


def test_their_list_revokes_and_takes_it_back(digitalbazaar: Peer, house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    made: Any = serve_theirs(digitalbazaar, house)
    assert set(made["credentialSubject"]) == {"id", "type", "encodedList", "statusPurpose"}
    house.admit(device, credential)

    house.wait(1)
    serve_theirs(digitalbazaar, house, INDEX)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)

    house.wait(1)
    serve_theirs(digitalbazaar, house, INDEX - 1, INDEX + 1, 0, MINIMUM_ENTRIES - 1)
    house.admit(device, credential)


def test_what_is_wrong_with_theirs(digitalbazaar: Peer, house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("status_key_not_current", {"key": STRANGER.key}),
        ("status_invalid", {"length": MINIMUM_ENTRIES - 8}),
        ("status_expired", {"validUntil": format_time(house.now - house.policy.clock_skew)}),
    ]
    for code, changes in wrong:
        if "validUntil" in changes:
            changes["validFrom"] = "2026-01-01T00:00:00Z"
        serve_theirs(digitalbazaar, house, **changes)
        with undecided(code, Check.STATUS):
            house.admit(device, credential)
    serve_theirs(digitalbazaar, house, purpose=SUSPENSION)
    with invalid("status_purpose_mismatch", Check.STATUS):
        house.admit(device, credential)
    altered: Any = serve_theirs(digitalbazaar, house, INDEX)
    altered["credentialSubject"]["encodedList"] = encode_list(bytes(MINIMUM_ENTRIES // 8))
    house.issuer.serve(REVOCATION, altered)
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)

    serve_theirs(digitalbazaar, house)
    house.admit(device, credential)


def test_a_longer_list_of_theirs(digitalbazaar: Peer, house: Gatehouse) -> None:
    last = 8 * MINIMUM_ENTRIES - 1
    device = house.device(DEVICE)
    entries = tuple(structs.replace(entry, index=last) for entry in house.issuer.entries()[:1])
    credential = house.issuer.issue(DEVICE.short, statuses=entries)
    serve_theirs(digitalbazaar, house, INDEX, length=8 * MINIMUM_ENTRIES)
    house.admit(device, credential)
    house.wait(1)
    serve_theirs(digitalbazaar, house, last, length=8 * MINIMUM_ENTRIES)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)


# -- ours, checked by them ---------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        world.clock.moment = now().replace(microsecond=0)
        yield world


def they_say(digitalbazaar: Peer, world: World, credential: Credential, **lists: Any) -> Any:
    """Their verdict on our credential's statuses, with our lists as we serve them."""
    known = documents(world.reader, world.issuer.identity.did)
    for entry in credential.statuses:
        answer = world.http.get(entry.list_url.removeprefix(world.issuer.url))
        known[entry.list_url] = lists.get(entry.purpose) or answer.json()
    return digitalbazaar.ask("checkStatus", credential=credential.document, documents=known)


def test_they_honour_our_lists(digitalbazaar: Peer, world: World) -> None:
    credential, other = world.enrol(DEVICE), world.enrol(STRANGER)
    assert they_say(digitalbazaar, world, credential) == {"verified": True, "set": [False, False]}

    inventory.suspend(world.issuer.engine, DEVICE.did, at=world.clock())
    assert they_say(digitalbazaar, world, credential) == {"verified": True, "set": [False, True]}
    inventory.reinstate(world.issuer.engine, DEVICE.did)
    assert they_say(digitalbazaar, world, credential) == {"verified": True, "set": [False, False]}
    inventory.revoke(world.issuer.engine, DEVICE.did, at=world.clock())
    assert they_say(digitalbazaar, world, credential) == {"verified": True, "set": [True, False]}
    assert they_say(digitalbazaar, world, other) == {"verified": True, "set": [False, False]}


def test_they_refuse_ours_in_another_place_or_altered(digitalbazaar: Peer, world: World) -> None:
    credential = world.enrol(DEVICE)
    inventory.revoke(world.issuer.engine, DEVICE.did, at=world.clock())
    lists = {p: world.http.get(f"/v1/status/{p}-1").json() for p in (REVOCATION, SUSPENSION)}

    swapped = they_say(digitalbazaar, world, credential, revocation=lists[SUSPENSION])
    assert (swapped["verified"], "status purpose" in swapped["error"]) == (False, True)
    altered = lists[REVOCATION]
    altered["credentialSubject"]["encodedList"] = encode_list(bytes(MINIMUM_ENTRIES // 8))
    answer = they_say(digitalbazaar, world, credential, revocation=altered)
    assert (answer["verified"], "not verified" in answer["error"]) == (False, True)
    assert they_say(digitalbazaar, world, credential)["set"] == [True, False]


def test_our_list_is_json_as_they_take_it(digitalbazaar: Peer, world: World) -> None:
    """In safe mode, JSON-LD drops nothing of what we say."""
    world.enrol(DEVICE)
    document = world.http.get("/v1/status/revocation-1").json()
    (expanded,) = digitalbazaar.ask("expand", document=document)
    (subject,) = expanded["https://www.w3.org/2018/credentials#credentialSubject"]
    assert subject["https://www.w3.org/ns/credentials/status#ttl"] == [{"@value": 300_000}]
    assert "https://www.w3.org/ns/credentials/status#encodedList" in subject


def test_so_are_our_messages(digitalbazaar: Peer, tmp_path: Path) -> None:
    with issuing(tmp_path, statuses=StatusTerms(messages=("fine", "worn"))) as world:
        document = world.enrol(DEVICE).document
        (expanded,) = digitalbazaar.ask("expand", document=document)
        status = "https://www.w3.org/ns/credentials/status#"
        entries = expanded["https://www.w3.org/2018/credentials#credentialStatus"]
        (said,) = (each for each in entries if f"{status}statusMessage" in each)
        assert [
            [message[f"{status}{name}"][0]["@value"] for name in ("status", "message")]
            for message in said[f"{status}statusMessage"]
        ] == [["0x0", "fine"], ["0x1", "worn"]]
        digitalbazaar.ask("expand", document=world.http.get("/v1/status/message-1").json())
