"""Status lists that are bad news, old news, somebody else's, or no list at all."""

import gzip
import hashlib
import itertools
import json
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from actors import DEVICE, NOW, STRANGER
from gatehouse import INDEX, PREFIX, Gatehouse, Issuer
from msgspec import structs
from outcomes import invalid, refused, undecided

from did.errors import KeybornError
from did.identifier import DidUrl, KeyDid
from did.jcs import JsonObject, canonicalize
from did.keys import SigningKey
from did.multibase import base58_encode, base64url_encode
from did.timestamps import parse_time
from did.vc.bitstring import MINIMUM_BITS, bitstring, encode_list
from did.vc.data_integrity import add_proof
from did.vc.formats import Format, secure_credential
from did.vc.securing import ASSERTION
from did.vc.status_list import MESSAGE, REVOCATION, SUSPENSION, StatusEntry, StatusMessage
from verifier.decision import Check
from verifier.status_fetches import FROM_ONE_PLACE
from verifier.status_standing import MAX_BYTES
from verifier.statuses import Statuses


def test_suspended_and_reinstated(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.admit(device, credential)

    house.issuer.set(SUSPENSION)
    with refused("suspended", Check.STATUS):
        house.admit(device, credential)

    house.issuer.set(SUSPENSION, value=False)
    house.admit(device, credential)


def test_revoked(house: Gatehouse) -> None:
    device, other = house.device(DEVICE), house.device(STRANGER)
    credential = house.issuer.issue(DEVICE.short)
    neighbour = house.issuer.issue(STRANGER.short, statuses=house.issuer.entries(INDEX + 1))
    house.admit(device, credential)

    house.issuer.set(REVOCATION)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)
    with refused("revoked", Check.STATUS):
        house.verifier().verify_credential(canonicalize(credential), at=house.now)

    house.admit(other, neighbour)


def test_revoked_and_suspended_is_revoked(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    backwards = tuple(reversed(house.issuer.entries()))
    credential = house.issuer.issue(DEVICE.short, statuses=backwards)
    house.admit(device, credential)

    house.issuer.set(REVOCATION)
    house.issuer.set(SUSPENSION)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)


def test_a_credential_without_status_where_the_issuer_has_lists(house: Gatehouse) -> None:
    """Left out of what it signs, it could never be taken back."""
    device = house.device(DEVICE)
    bare = house.issuer.issue(DEVICE.short, statuses=())

    with refused("status_missing", Check.STATUS):
        house.admit(device, bare)

    house.admit(device, house.issuer.issue(DEVICE.short))
    without_lists = house.verifier(house.issuer.trusted(status=()))
    admitted = house.admit(device, bare, verifier=without_lists)
    steps = [step for step in admitted.decision.steps if step.check is Check.STATUS]
    assert [step.evidence["status"] for step in steps] == [
        "none: the trust root names no status lists of the issuer"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/status/revocation-1",
        "https://issuer.example.evil.example/v1/status/revocation-1",
        "https://issuer.example/v1/other/revocation-1",
        "https://issuer.example/v1/status/",
        f"{PREFIX}../admin/devices",
        f"{PREFIX}%2e%2e/admin",
        f"{PREFIX}a/../../admin",
        f"{PREFIX}.hidden",
        f"{PREFIX}a//b",
        f"{PREFIX}list?next=https://evil.example/",
        f"{PREFIX}list#fragment",
        f"{PREFIX}list@evil.example",
        "http://issuer.example/v1/status/revocation-1",
        "file:///etc/passwd",
    ],
)
def test_a_list_that_is_not_where_the_trust_root_says(standing: Gatehouse, url: str) -> None:
    house, device = standing, standing.device(DEVICE)
    asked = len(house.statuses.fetched)

    stray = house.issuer.issue(DEVICE.short, statuses=(StatusEntry(REVOCATION, INDEX, url),))
    with refused("status_not_trusted", Check.STATUS):
        house.admit(device, stray)
    assert len(house.statuses.fetched) == asked, "nothing is fetched because an input says so"

    house.admit(device, house.issuer.issue(DEVICE.short))


@pytest.mark.parametrize("url", [f"{PREFIX}list\n", "", "list"])
def test_a_list_whose_url_is_none(standing: Gatehouse, url: str) -> None:
    house, device = standing, standing.device(DEVICE)
    stray = house.issuer.issue(DEVICE.short, statuses=(StatusEntry(REVOCATION, INDEX, url),))
    with invalid("invalid_credential", Check.FORMAT):
        house.admit(device, stray)
    house.admit(device, house.issuer.issue(DEVICE.short))


def test_a_purpose_that_nobody_knows(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    entry = StatusEntry("maintenance", INDEX, house.issuer.url(REVOCATION))

    with refused("status_purpose_unknown", Check.STATUS):
        house.admit(device, house.issuer.issue(DEVICE.short, statuses=(entry,)))

    house.admit(device, house.issuer.issue(DEVICE.short))


def test_an_index_outside_the_list(house: Gatehouse) -> None:
    device = house.device(DEVICE)

    with invalid("status_index_out_of_range", Check.STATUS):
        outside = house.issuer.entries(MINIMUM_BITS)
        house.admit(device, house.issuer.issue(DEVICE.short, statuses=outside))

    last = house.issuer.entries(MINIMUM_BITS - 1)
    house.admit(device, house.issuer.issue(DEVICE.short, statuses=last))


def test_a_list_that_goes_back(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    before = dict(house.statuses.served)
    house.wait(10)
    house.issuer.set(REVOCATION)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)

    house.statuses.served = before
    with undecided("status_rolled_back", Check.STATUS):
        house.admit(device, credential)

    house.issuer.set(REVOCATION, value=False)
    house.admit(device, credential)


class _Overtaken(dict[str, bytes]):
    """Served lists, the first answer being one that a newer one overtook on its way."""

    def __init__(self, late: dict[str, bytes], newest: dict[str, bytes]) -> None:
        super().__init__(newest)
        self._late = dict(late)

    def get(self, key: str, default: bytes = b"") -> bytes:  # type: ignore[override] # as it is called
        return self._late.pop(key, None) or super().get(key, default)


def test_a_list_that_was_overtaken_on_its_way_is_no_roll_back(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    before = dict(house.statuses.served)
    house.wait(10)
    house.issuer.publish()
    house.admit(device, credential)

    house.statuses.served = _Overtaken(before, house.statuses.served)
    house.admit(device, credential)


def test_a_list_of_another_issuer(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    other = Issuer(house, STRANGER)
    house.append(other.life.create())
    verifier = house.verifier(house.issuer.trusted(), other.trusted())
    other.publish()

    with undecided("status_issuer_mismatch", Check.STATUS):
        house.admit(device, credential, verifier=verifier)

    house.admit(device, other.issue(DEVICE.short), verifier=verifier)
    house.issuer.publish()
    house.admit(device, credential, verifier=verifier)
    # Kept for the first issuer, it does not serve the second, even while it is young.
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=60))
    patient = house.verifier(house.issuer.trusted(), other.trusted())
    house.admit(device, credential, verifier=patient)
    house.statuses.up = False
    with undecided("status_stale", Check.STATUS):
        house.admit(device, other.issue(DEVICE.short), verifier=patient)


def test_a_list_for_another_purpose(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)

    house.issuer.serve(REVOCATION, house.issuer.list(REVOCATION, says=SUSPENSION))
    with invalid("status_purpose_mismatch", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish()
    house.admit(device, credential)


def test_an_entry_that_names_a_list_for_another_purpose(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=60))
    verifier = house.verifier()
    house.admit(device, house.issuer.issue(DEVICE.short), verifier=verifier)

    crossed = (StatusEntry(REVOCATION, INDEX, house.issuer.url(SUSPENSION)),)
    with invalid("status_purpose_mismatch", Check.STATUS):
        house.admit(device, house.issuer.issue(DEVICE.short, statuses=crossed), verifier=verifier)

    house.admit(device, house.issuer.issue(DEVICE.short), verifier=verifier)


def test_another_list_of_the_same_issuer_in_its_place(house: Gatehouse) -> None:
    """Whoever can answer for the URL could show a list in which the bit is not set."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.issuer.set(REVOCATION)
    elsewhere = Issuer(house, house.issuer.life.actor)
    second = elsewhere.list(REVOCATION, url=f"{PREFIX}revocation-2", key=house.issuer.key)

    house.issuer.serve(REVOCATION, second)
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)

    house.issuer.set(REVOCATION, value=False)
    house.admit(device, credential)


def test_a_list_signed_with_the_issuers_former_key(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    former = house.issuer.key
    house.wait(10)
    house.append(house.issuer.life.rotate())

    house.issuer.publish(key=former)
    with undecided("status_key_not_current", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish()
    house.admit(device, credential)


def test_a_kept_list_whose_key_was_rotated_away_is_asked_for_again(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=60))
    verifier = house.verifier()
    former = house.issuer.key
    house.admit(device, credential, verifier=verifier)
    house.wait(10)
    house.append(house.issuer.life.rotate())
    house.issuer.set(SUSPENSION)

    with refused("suspended", Check.STATUS):
        house.admit(device, credential, verifier=verifier)

    house.wait(60)
    house.issuer.set(SUSPENSION, value=False)
    wary = house.verifier(house.issuer.trusted(compromised_keys=(former.public_key(),)))
    house.admit(device, house.issuer.issue(DEVICE.short), verifier=wary)


def test_a_list_signed_with_a_compromised_key(house: Gatehouse) -> None:
    """The current key, that is: rotation has not happened yet."""
    device = house.device(DEVICE)
    stolen = house.issuer.key
    trusted = house.issuer.trusted(compromised_keys=(SigningKey(b"x" * 32).public_key(),))
    house.admit(device, house.issuer.issue(DEVICE.short), verifier=house.verifier(trusted))
    house.wait(10)
    house.append(house.issuer.life.rotate())
    credential = house.issuer.issue(DEVICE.short)
    wary = house.verifier(house.issuer.trusted(compromised_keys=(stolen.public_key(),)))

    house.issuer.publish(key=stolen)
    with undecided("status_key_compromised", Check.STATUS):
        house.admit(device, credential, verifier=wary)

    house.issuer.publish()
    house.admit(device, credential, verifier=wary)


def test_while_the_issuers_rotation_is_not_final(slow_house: Gatehouse) -> None:
    """Neither key can vouch for a list; one that was kept serves as long as the policy lets it."""
    house = slow_house
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.ledger.mine(3)
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=60))
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)
    former = house.issuer.key
    house.wait(10)
    house.append(house.issuer.life.rotate())

    for key in (former, house.issuer.key):
        house.issuer.publish(key=key)
        admitted = house.admit(device, credential, verifier=verifier)
        ages = [s.age for s in admitted.decision.steps if s.check is Check.STATUS]
        assert ages == [10, 10]
    house.wait(50)
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential, verifier=verifier)

    house.ledger.mine(3)
    house.issuer.publish()
    house.admit(device, credential, verifier=verifier)


def test_a_did_key_issuers_list(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    issuer = Issuer(house, STRANGER, did=KeyDid(STRANGER.key.public_key()))
    verifier = house.verifier(issuer.trusted())
    forged = issuer.list(REVOCATION)
    proof: Any = forged["proof"]
    proof["verificationMethod"] = f"{issuer.did.text}#{house.issuer.key.public_key().multibase}"

    issuer.publish()
    issuer.serve(REVOCATION, forged)
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, issuer.issue(DEVICE.short), verifier=verifier)

    issuer.publish()
    house.admit(device, issuer.issue(DEVICE.short), verifier=verifier)


def _with_list(text: str) -> Callable[[JsonObject], object]:
    return lambda c: c["credentialSubject"].update(encodedList=text)  # type: ignore[union-attr, call-overload]


def _gzipped(data: bytes) -> str:
    return "u" + base64url_encode(gzip.compress(data))


BOMB = _gzipped(bytes(64 * 1_048_576))
SHORT = _gzipped(bytes(16))
EMPTY = bytes(MINIMUM_BITS // 8)
TRAILING = "u" + base64url_encode(gzip.compress(EMPTY) + b"more")

MALFORMED: dict[str, dict[str, Any]] = {
    "a gzip bomb": {"alter": _with_list(BOMB)},
    "too short a list": {"alter": _with_list(SHORT)},
    "with trailing bytes": {"alter": _with_list(TRAILING)},
    "with no multibase header": {"alter": _with_list(encode_list(EMPTY)[1:])},
    "of VC 1.1": {
        "alter": lambda c: c.update(
            {"@context": ["https://www.w3.org/2018/credentials/v1"]}
            | {"issuanceDate": c["validFrom"], "expirationDate": c.pop("validUntil")}
        )
    },
    "of several subjects": {"alter": lambda c: c.update(credentialSubject=[{"id": "a:b"}] * 2)},
    "of another subject type": {"alter": lambda c: c["credentialSubject"].update(type="List")},
    "no gzip": {"alter": _with_list("uAAAA")},
    "cut off": {"alter": _with_list(encode_list(bytes(MINIMUM_BITS // 8))[:-8])},
    "of another type": {"types": "SomethingElse"},
    "with a ttl that is none": {"alter": lambda c: c["credentialSubject"].update(ttl="soon")},
    "under no URL": {"alter": lambda c: c.pop("id")},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_status_list(standing: Gatehouse, name: str) -> None:
    house, device = standing, standing.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)

    house.issuer.publish(**MALFORMED[name])
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish()
    house.admit(device, credential)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"a":1,"a":2}', b"\xff"])
def test_what_is_no_credential(standing: Gatehouse, body: bytes) -> None:
    house, device = standing, standing.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.statuses.served[house.issuer.url(REVOCATION)] = body

    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish()
    house.admit(device, credential)


def test_more_than_a_list_can_be(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    url = house.issuer.url(REVOCATION)
    whole = house.statuses.served[url]
    house.statuses.served[url] = whole + b" " * (MAX_BYTES - len(whole) + 1)

    with undecided("status_unavailable", Check.STATUS):
        house.admit(device, credential)

    house.statuses.served[url] = whole + b" " * (MAX_BYTES - len(whole))
    house.admit(device, credential)


def test_a_list_changed_on_the_way(standing: Gatehouse) -> None:
    house, device = standing, standing.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.issuer.publish()
    url = house.issuer.url(REVOCATION)
    changed = json.loads(house.statuses.served[url])
    changed["credentialSubject"]["ttl"] = 1
    house.statuses.served[url] = json.dumps(changed).encode()

    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish()
    house.admit(device, credential)


def test_a_list_out_of_its_time(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    skew, second = house.policy.clock_skew, timedelta(seconds=1)
    house.wait(3_600)
    hour = timedelta(hours=1)

    house.issuer.publish(valid_from=house.now - hour, valid_until=house.now - skew)
    with undecided("status_expired", Check.STATUS):
        house.admit(device, credential)
    house.issuer.publish(valid_from=house.now - skew - 2 * second, ttl=2_000)
    with undecided("status_expired", Check.STATUS):
        house.admit(device, credential)
    house.issuer.publish(valid_from=house.now + skew + second)
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish(valid_from=house.now - hour, valid_until=house.now - skew + second)
    house.admit(device, credential)
    house.issuer.publish(valid_from=house.now - skew - second, ttl=2_000)
    house.admit(device, credential)
    house.issuer.publish(valid_from=house.now + skew)
    house.admit(device, credential)


def test_a_list_without_an_end(house: Gatehouse) -> None:
    """Good for ever, in the hands of whoever is on the way; over TLS nobody is."""
    device = house.device(DEVICE)
    house.issuer.publish(ttl=None, valid_from=house.now - timedelta(days=400))
    house.admit(device, house.issuer.issue(DEVICE.short))

    house.issuer.prefix = PREFIX.replace("https", "http")
    house.issuer.publish(ttl=None)
    credential = house.issuer.issue(DEVICE.short)
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)
    house.issuer.publish()
    house.admit(device, credential)

    house.issuer.prefix = "http://127.0.0.1:8102/v1/status/"
    house.issuer.publish(ttl=None)
    house.admit(device, house.issuer.issue(DEVICE.short))


def test_a_ttl_is_no_end(house: Gatehouse) -> None:
    """It says when to look for a newer list; while there is none, the list counts to its end."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    day = timedelta(days=1)
    house.wait(3_600)
    house.issuer.publish(ttl=1_000, valid_from=house.now - day / 2, valid_until=house.now + day / 2)
    house.admit(device, credential)
    house.wait(day.total_seconds() / 2 + house.policy.clock_skew.total_seconds())
    with undecided("status_expired", Check.STATUS):
        house.admit(device, credential)


def test_a_list_without_a_time(house: Gatehouse) -> None:
    """Nothing would tell it from an older one; the time at which it was signed does, too."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    timeless = house.issuer.list(REVOCATION, alter=lambda c: c.pop("validFrom"))
    house.issuer.serve(REVOCATION, timeless)
    house.admit(device, credential)

    house.issuer.serve(REVOCATION, _resigned(timeless, house.issuer, created=None))
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)
    house.issuer.publish()
    house.admit(device, credential)


def test_a_list_whose_proof_has_ended(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    whole = house.issuer.list(REVOCATION)
    over = house.now - house.policy.clock_skew

    house.issuer.serve(REVOCATION, _resigned(whole, house.issuer, expires=over))
    with undecided("status_expired", Check.STATUS):
        house.admit(device, credential)
    soon = over + timedelta(seconds=1)
    house.issuer.serve(REVOCATION, _resigned(whole, house.issuer, expires=soon))
    house.admit(device, credential)


def _resigned(document: JsonObject, issuer: Issuer, **changes: Any) -> JsonObject:
    bare = {name: value for name, value in document.items() if name != "proof"}
    given: dict[str, Any] = {"created": parse_time("2026-01-01T00:00:00Z"), **changes}
    created = given.pop("created")
    method = DidUrl(issuer.did.canonical, issuer.key.public_key().multibase)
    options = {"method": method, "purpose": ASSERTION, "created": created or NOW, **given}
    signed = add_proof(bare, issuer.key, **options)
    return signed if created else _signed_without_created(bare, issuer, signed["proof"])


def _signed_without_created(bare: JsonObject, issuer: Issuer, proof: Any) -> JsonObject:
    """By hand: what we make always has the time at which it was made."""
    said = {n: v for n, v in proof.items() if n not in ("created", "proofValue")}
    said["@context"] = bare["@context"]
    digests = [hashlib.sha256(canonicalize(part)).digest() for part in (said, bare)]
    value = "z" + base58_encode(issuer.key.sign(b"".join(digests)))
    return {**bare, "proof": {**said, "proofValue": value}}


@pytest.mark.parametrize(("confirms", "code"), [(False, "status_expired"), (True, "status_stale")])
def test_a_stale_list_that_is_served_for_ever(
    house: Gatehouse,
    confirms: bool,  # noqa: FBT001 - a parameter of the test
    code: str,
) -> None:
    """Whether as itself or as unchanged: it has an end, which is signed."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.statuses.etags = True
    house.issuer.publish(ttl=60_000)
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)

    house.statuses.always_confirms = confirms
    house.wait(119)  # within the skew of clocks
    house.admit(device, credential, verifier=verifier)
    house.wait(1)
    with undecided(code, Check.STATUS):
        house.admit(device, credential, verifier=verifier)

    house.statuses.always_confirms = False
    house.issuer.publish(ttl=60_000)
    house.admit(device, credential, verifier=verifier)


def test_who_says_unchanged_of_what_nobody_has(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.statuses.always_confirms = True
    with undecided("status_unavailable", Check.STATUS):
        house.admit(device, credential)
    house.statuses.always_confirms = False
    house.admit(device, credential)


def test_unchanged_does_not_count_for_a_key_that_was_rotated_away(house: Gatehouse) -> None:
    """What was kept does not hold any more; so it is asked for whole."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.statuses.etags = True
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)
    house.wait(1)
    house.append(house.issuer.life.rotate())
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential, verifier=verifier)
    assert house.statuses.confirmed == []
    house.issuer.publish()
    house.admit(device, credential, verifier=verifier)
    house.admit(device, credential, verifier=verifier)
    assert len(house.statuses.confirmed) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_list_that_is_elsewhere(house: Gatehouse, status: int) -> None:
    """Redirects are not followed: the trust root says where lists are."""
    device = house.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        elsewhere = {"location": f"{PREFIX}elsewhere"}
        return httpx.Response(status, headers=elsewhere, stream=httpx.ByteStream(b""))

    def connect(_prefix: str) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(answer))

    with undecided("status_unavailable", Check.STATUS):
        statuses = Statuses(store=house.store, connect=connect)
        house.admit(device, credential, verifier=house.verifier(statuses=statuses))
    assert asked == [house.issuer.url(REVOCATION)]
    house.issuer.publish()
    house.admit(device, credential)


# -- sizes, purposes, messages -----------------------------------------------------------------


TEXTS = [StatusMessage(value, text) for value, text in enumerate(("fine", "worn", "hot", "lost"))]


def _entry(purpose: str, **changes: Any) -> StatusEntry:
    entry = StatusEntry(purpose, INDEX, f"{PREFIX}{purpose}-1", 2, tuple(TEXTS))
    return structs.replace(entry, **changes)


def _serve(house: Gatehouse, purpose: str, value: int, **changes: Any) -> None:
    """Two bits an entry."""
    bits = bitstring([(INDEX, value)], entries=MINIMUM_BITS, size=2)
    given = {"size": 2, "messages": TEXTS, "bits": bits, "url": f"{PREFIX}{purpose}-1", **changes}
    house.statuses.served[f"{PREFIX}{purpose}-1"] = canonicalize(
        house.issuer.list(REVOCATION, **{"says": purpose, **given})
    )


def test_a_list_of_one_bit_read_as_one_of_two(house: Gatehouse) -> None:
    """Entry 4,711 of two bits lies where entries 9,422 and 9,423 of one bit do."""
    device = house.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short, statuses=[_entry(REVOCATION)])
    long = bytes(2 * MINIMUM_BITS // 8)
    for said in (
        {"size": 1, "messages": TEXTS[:2], "bits": long},
        {"size": 3, "messages": (), "bits": long * 2},
    ):
        _serve(house, REVOCATION, 0, **said)
        with invalid("status_size_mismatch", Check.STATUS):
            house.admit(device, credential)
    _serve(house, REVOCATION, 0, size=None, messages=(), bits=EMPTY)
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)

    _serve(house, REVOCATION, 0)
    house.admit(device, credential)
    _serve(house, REVOCATION, 0, size=None, messages=())
    house.admit(device, credential)


def test_an_entry_of_one_bit_in_a_list_of_two(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    entry = _entry(REVOCATION, size=1, messages=())
    credential = house.issuer.issue(DEVICE.short, statuses=[entry])
    _serve(house, REVOCATION, 0)
    with invalid("status_size_mismatch", Check.STATUS):
        house.admit(device, credential)
    _serve(house, REVOCATION, 0, size=None, messages=())
    house.admit(device, credential)


@pytest.mark.parametrize("value", [1, 2, 3])
def test_any_value_but_zero_revokes(house: Gatehouse, value: int) -> None:
    device = house.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short, statuses=[_entry(REVOCATION)])
    _serve(house, REVOCATION, value)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)
    _serve(house, REVOCATION, 0)
    house.admit(device, credential)


def test_an_index_beyond_a_list_of_two_bits(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    _serve(house, REVOCATION, 0)
    outside = _entry(REVOCATION, index=MINIMUM_BITS)
    with invalid("status_index_out_of_range", Check.STATUS):
        house.admit(device, house.issuer.issue(DEVICE.short, statuses=[outside]))
    last = _entry(REVOCATION, index=MINIMUM_BITS - 1)
    house.admit(device, house.issuer.issue(DEVICE.short, statuses=[last]))


def test_a_message_cannot_be_made_of_a_revocation(house: Gatehouse) -> None:
    """The list says what it is for, and is signed: its bits are not read for anything else."""
    device = house.device(DEVICE)
    message = _entry(MESSAGE, list_url=f"{PREFIX}{REVOCATION}-1")
    _serve(house, REVOCATION, 1)
    with invalid("status_purpose_mismatch", Check.STATUS):
        house.admit(device, house.issuer.issue(DEVICE.short, statuses=[message]))
    _serve(house, MESSAGE, 1)
    house.admit(device, house.issuer.issue(DEVICE.short, statuses=[_entry(MESSAGE)]))


def test_a_list_for_several_purposes(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    for says in ((SUSPENSION, REVOCATION), (REVOCATION, "another")):
        house.issuer.serve(REVOCATION, house.issuer.list(REVOCATION, says=says))
        house.admit(device, credential)
    for says in ((SUSPENSION, "another"), ("another", "revocations"), (SUSPENSION,)):
        house.issuer.serve(REVOCATION, house.issuer.list(REVOCATION, says=says))
        with invalid("status_purpose_mismatch", Check.STATUS):
            house.admit(device, credential)


# -- lists of others ---------------------------------------------------------------------------


def test_a_list_of_one_whom_the_trust_root_lets_sign(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    other = Issuer(house, STRANGER)
    house.append(other.life.create())
    house.issuer.set(REVOCATION)
    other.publish()

    with undecided("status_issuer_mismatch", Check.STATUS):
        house.admit(device, credential)
    let = house.issuer.trusted(status_issuers=(other.did,))
    house.admit(device, credential, verifier=house.verifier(let))
    other.set(REVOCATION)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential, verifier=house.verifier(let))
    # It may sign lists, and no credentials.
    with refused("untrusted_issuer", Check.ISSUER):
        house.admit(device, other.issue(DEVICE.short), verifier=house.verifier(let))


def test_the_key_of_such_a_one_is_its_current_one_too(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    other = Issuer(house, STRANGER)
    house.append(other.life.create())
    former = other.key
    let = house.issuer.trusted(status_issuers=(other.did,))
    other.publish()
    house.admit(device, credential, verifier=house.verifier(let))
    house.wait(10)
    house.append(other.life.rotate())

    other.publish(key=former)
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential, verifier=house.verifier(let))
    other.publish()
    house.admit(device, credential, verifier=house.verifier(let))
    wary = replace(let, compromised_keys=(other.key.public_key(),))
    with undecided("status_key_compromised", Check.STATUS):
        house.admit(device, credential, verifier=house.verifier(wary))


def test_a_list_is_no_credential_of_a_device(house: Gatehouse) -> None:
    """Signed by the same issuer; trusted for what it says of devices alone."""
    device = house.device(DEVICE)
    with refused("untrusted_type", Check.ISSUER):
        house.admit(device, house.issuer.list(REVOCATION))
    house.admit(device, house.issuer.issue(DEVICE.short))


def test_a_credential_of_a_device_is_no_list(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.statuses.served[house.issuer.url(REVOCATION)] = canonicalize(credential)
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)
    house.issuer.publish()
    house.admit(device, credential)


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE])
def test_a_list_in_another_format(house: Gatehouse, format_: Format) -> None:
    """Judged as the others are: by its key, its time, its bits."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    url = house.issuer.url(REVOCATION)

    def serve(key: SigningKey, **changes: Any) -> None:
        signed = house.issuer.list(REVOCATION, **changes)
        document = {name: value for name, value in signed.items() if name != "proof"}
        house.statuses.served[url] = secure_credential(
            document, key, issuer=house.issuer.did, created=house.now, format=format_
        )

    serve(house.issuer.key)
    house.admit(device, credential)
    serve(STRANGER.key)
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential)
    house.wait(1)
    serve(house.issuer.key, bits=bitstring([(INDEX, 1)], entries=MINIMUM_BITS))
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)
    whole = house.statuses.served[url]
    house.statuses.served[url] = whole[:-1] + bytes([whole[-1] ^ 4])
    with undecided("status_invalid", Check.STATUS):
        house.admit(device, credential)
    serve(house.issuer.key)
    house.admit(device, credential)


def test_an_issuer_that_does_not_answer(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.statuses.up = False

    with undecided("status_unavailable", Check.STATUS):
        house.admit(device, credential)
    house.statuses.up = True
    house.statuses.served.clear()
    with undecided("status_unavailable", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish()
    house.admit(device, credential)
    house.statuses.up = False
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential)


def test_a_status_service_that_hangs_takes_few_threads(house: Gatehouse) -> None:
    """44 presentations at once took every thread of a verifier, and nobody else was served."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()
    released = threading.Event()

    def hang(request: httpx.Request) -> httpx.Response:
        asked.put(str(request.url))
        released.wait(60)
        return httpx.Response(200, stream=httpx.ByteStream(house.statuses.served[str(request.url)]))

    def hanging(_prefix: str) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(hang))

    verifier = house.verifier(statuses=Statuses(store=house.store, connect=hanging))

    def outcome(_number: int) -> str:
        try:
            house.admit(device, credential, verifier=verifier)
        except KeybornError as error:
            return error.code
        return "accepted"

    with ThreadPoolExecutor(44) as pool:
        jobs = [pool.submit(outcome, number) for number in range(44)]
        try:
            answered = itertools.islice(as_completed(jobs, timeout=60), 44 - FROM_ONE_PLACE)
            assert {each.result() for each in answered} == {"status_unavailable"}
            assert asked.qsize() == FROM_ONE_PLACE
        finally:
            released.set()
    house.admit(device, credential, verifier=verifier)
