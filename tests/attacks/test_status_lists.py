"""Status lists that are bad news, old news, somebody else's, or no list at all."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, STRANGER
from gatehouse import INDEX, PREFIX, Gatehouse, Issuer
from outcomes import invalid, refused, undecided

from did.identifier import KeyDid
from did.jcs import JsonObject, canonicalize
from did.keys import SigningKey
from did.multibase import base64url_encode
from did.vc.status_list import MINIMUM_BITS, REVOCATION, SUSPENSION, StatusEntry, encode_list
from verifier.decision import Check
from verifier.status_standing import MAX_BYTES


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
    entry = StatusEntry("refresh", INDEX, house.issuer.url(REVOCATION))

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
    with undecided("status_purpose_mismatch", Check.STATUS):
        house.admit(device, credential)

    house.issuer.publish()
    house.admit(device, credential)


def test_an_entry_that_names_a_list_for_another_purpose(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=60))
    verifier = house.verifier()
    house.admit(device, house.issuer.issue(DEVICE.short), verifier=verifier)

    crossed = (StatusEntry(REVOCATION, INDEX, house.issuer.url(SUSPENSION)),)
    with undecided("status_purpose_mismatch", Check.STATUS):
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

MALFORMED: dict[str, dict[str, Any]] = {
    "a gzip bomb": {"alter": _with_list(BOMB)},
    "too short a list": {"alter": _with_list(SHORT)},
    "no gzip": {"alter": _with_list("uAAAA")},
    "cut off": {"alter": _with_list(encode_list(bytes(MINIMUM_BITS // 8))[:-8])},
    "of another type": {"types": "SomethingElse"},
    "without a version": {"alter": lambda c: c.pop("validFrom")},
    "with a ttl that is none": {"alter": lambda c: c["credentialSubject"].update(ttl="soon")},
    "without an end": {"ttl": None},
    "with an end beyond the calendar": {"ttl": 2**53 - 1},
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
