"""When a status list is fetched, and when one that was kept decides. Bad lists: the attacks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from actors import DEVICE
from gatehouse import INDEX, PREFIX, Gatehouse
from outcomes import refused, undecided

from did.errors import KeybornError
from did.jcs import JsonObject, canonicalize
from did.vc.bitstring import MINIMUM_ENTRIES, bitstring, decode_list
from did.vc.status_list import (
    MESSAGE,
    REFRESH,
    REVOCATION,
    SUSPENSION,
    StatusEntry,
    StatusMessage,
)
from verifier import statuses
from verifier.conclusion import AuthenticatedDevice
from verifier.decision import Check, Trail
from verifier.status_standing import Standing
from verifier.statuses import Statuses
from verifier.store import KeptList, open_store


@pytest.fixture
def patient(house: Gatehouse) -> Gatehouse:
    """Takes lists of up to 100 s; the issuer lets them be kept for 60."""
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=100))
    house.issuer.publish(ttl=60_000)
    return house


def ages(device: AuthenticatedDevice) -> list[int | None]:
    return [step.age for step in device.decision.steps if step.check is Check.STATUS]


def test_a_list_is_fetched_once_within_its_ttl(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()

    assert ages(house.admit(device, credential, verifier=verifier)) == [0, 0]
    house.wait(59)
    assert ages(house.admit(device, credential, verifier=verifier)) == [59, 59]
    assert sorted(house.statuses.fetched) == sorted(
        house.issuer.url(purpose) for purpose in (REVOCATION, SUSPENSION)
    )

    house.wait(1)
    house.issuer.publish()
    assert ages(house.admit(device, credential, verifier=verifier)) == [0, 0]
    assert len(house.statuses.fetched) == 4


def test_it_is_kept_over_a_restart(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    house.store.close()
    house.statuses.up = False
    house.wait(30)

    store = open_store(house.directory / "verifier")
    verifier = house.verifier(store=store)
    assert ages(house.admit(device, credential, verifier=verifier)) == [30, 30]
    store.close()


def test_the_policy_may_be_shorter_than_the_ttl(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=10))
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)

    house.wait(10)
    house.issuer.set(SUSPENSION)
    with refused("suspended", Check.STATUS):
        house.admit(device, credential, verifier=verifier)


def test_none_is_kept_where_the_policy_asks_each_time(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    for _ in range(2):
        house.admit(device, credential, verifier=verifier)
    assert len(house.statuses.fetched) == 4


def test_an_issuer_that_is_away_for_a_while(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)
    house.statuses.up = False

    house.wait(99)
    assert ages(house.admit(device, credential, verifier=verifier)) == [99, 99]
    house.wait(1)
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential, verifier=verifier)

    house.statuses.up = True
    house.issuer.publish()
    house.admit(device, credential, verifier=verifier)


def test_a_kept_list_that_has_ended_does_not_decide(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    house.issuer.publish(valid_until=house.now + timedelta(seconds=10))
    house.admit(device, credential, verifier=verifier)
    house.statuses.up = False

    house.wait(10 + 59)
    house.admit(device, credential, verifier=verifier)
    house.wait(1)
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential, verifier=verifier)


def test_a_list_that_was_kept_by_a_clock_ahead(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    kept = house.store.status_list(house.issuer.url(REVOCATION))
    assert kept is not None

    def ahead(seconds: int) -> KeptList:
        return replace(kept, fetched=house.now + timedelta(seconds=seconds))

    standing = Standing(house.issuer.trusted(), house.reader.resolve, house.policy, house.now)
    assert standing.serves(kept)
    assert standing.serves(ahead(60)), "within the skew of clocks"
    assert not standing.serves(ahead(61))


def test_a_list_of_the_future_is_not_confirmed(patient: Gatehouse) -> None:
    house = patient
    house.device(DEVICE)
    credential = canonicalize(house.issuer.issue(DEVICE.short))
    verifier, right, house.statuses.etags = house.verifier(), house.now, True
    house.now = right + timedelta(days=3_650)
    house.issuer.publish()
    verifier.verify_credential(credential, at=house.now)
    house.now = right + timedelta(seconds=30)
    house.issuer.set(REVOCATION)
    house.statuses.always_confirms = True  # somebody on the way, who cannot sign
    for _ in range(2):
        house.wait(60)
        house.issuer.publish()
        with undecided("status_stale", Check.STATUS):
            verifier.verify_credential(credential, at=house.now)
    house.statuses.always_confirms = False
    with refused("revoked", Check.STATUS):
        verifier.verify_credential(credential, at=house.now)


def test_an_answer_that_was_long_under_way_does_not_undo_a_revocation(
    house: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept meanwhile is of the future to the moment at which it was asked, not to now."""
    house.device(DEVICE)
    credential = canonicalize(house.issuer.issue(DEVICE.short))
    began, old = house.now, dict(house.statuses.served)
    meanwhile, answer = house.verifier(), house.statuses._answer

    def slow(request: httpx.Request) -> httpx.Response:
        monkeypatch.setattr(house.statuses, "_answer", answer)
        house.wait(65)
        monkeypatch.setattr(statuses, "now", lambda: house.now)
        house.issuer.set(REVOCATION)
        with refused("revoked", Check.STATUS):
            meanwhile.verify_credential(credential, at=house.now)
        house.statuses.served.update(old)
        return answer(request)

    monkeypatch.setattr(house.statuses, "_answer", slow)
    with undecided("status_rolled_back", Check.STATUS):
        house.verifier().verify_credential(credential, at=began)
    with undecided("status_rolled_back", Check.STATUS):
        house.verifier().verify_credential(credential, at=house.now)


def test_an_issuer_that_rotates_between_is_asked_again(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)
    house.wait(1)
    house.append(house.issuer.life.rotate())
    house.issuer.publish()

    assert ages(house.admit(device, credential, verifier=verifier)) == [0, 0]
    assert len(house.statuses.fetched) == 4


def test_what_is_unchanged_is_not_fetched_again(house: Gatehouse) -> None:
    """Asked each time, and told that nothing has changed."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.statuses.etags = True
    verifier = house.verifier()
    for seconds in range(3):
        house.wait(seconds)
        assert ages(house.admit(device, credential, verifier=verifier)) == [0, 0]
    assert len(house.statuses.fetched) == 2
    assert len(house.statuses.confirmed) == 4

    house.issuer.set(SUSPENSION)
    with refused("suspended", Check.STATUS):
        house.admit(device, credential, verifier=verifier)
    assert len(house.statuses.fetched) == 3 + 1  # the issuer signed both anew


def test_unchanged_counts_as_fetched_over_a_restart(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    house.statuses.etags = True
    credential = house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    house.wait(60)
    assert ages(house.admit(device, credential)) == [0, 0]
    house.store.close()
    house.statuses.up = False
    house.wait(50)

    store = open_store(house.directory / "verifier")
    assert ages(house.admit(device, credential, verifier=house.verifier(store=store))) == [50, 50]
    store.close()


def test_a_newer_list_may_have_been_kept_in_between(house: Gatehouse) -> None:
    """Another process of the same store fetched it while this one was told "unchanged"."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.statuses.etags = True
    house.admit(device, credential)
    house.wait(1)
    before = dict(house.statuses.served)
    house.issuer.set(SUSPENSION)
    after, house.statuses.served = house.statuses.served, dict(before)
    url = house.issuer.url(SUSPENSION)
    kept = house.store.status_list(url)
    assert kept is not None

    class Racing(dict[str, bytes]):
        """Another process keeps the newer list once this one has asked for the older."""

        def get(self, key: str, default: bytes = b"") -> bytes:  # type: ignore[override] # as called
            if key == url and self.pop("race", b""):
                other = house.verifier()
                house.statuses.served = dict(after)
                with refused("suspended", Check.STATUS):
                    other.verify_credential(canonicalize(credential), at=house.now)
                return self[key]
            return super().get(key, default)

    house.statuses.served = Racing(dict(before) | {"race": b"1"})
    with refused("suspended", Check.STATUS):
        house.admit(device, credential)


@pytest.mark.parametrize("etag", ["unquoted", '"' + "x" * 300 + '"', '"a b"', '"é"'])
def test_an_etag_that_is_none_is_not_repeated(house: Gatehouse, etag: str) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("if-none-match"))
        body = httpx.ByteStream(house.statuses.served[str(request.url)])
        return httpx.Response(200, headers={"etag": etag.encode()}, stream=body)

    def connect(_prefix: str) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(answer))

    verifier = house.verifier(statuses=Statuses(store=house.store, connect=connect))
    for _ in range(2):
        house.admit(device, credential, verifier=verifier)
    assert asked == [None] * 4


# -- what a decision tells ---------------------------------------------------------------------


TEXTS = ("fine", "battery low", "to be replaced", "undefined")
MESSAGES = tuple(StatusMessage(value, text) for value, text in enumerate(TEXTS))


def told(device: AuthenticatedDevice, purpose: str) -> dict[str, object]:
    """What the record says of a status, but for where it stands and of when it is."""
    (facts,) = (
        step.evidence
        for step in device.decision.steps
        if step.check is Check.STATUS and step.evidence["purpose"] == purpose
    )
    return {name: facts[name] for name in facts if name in ("status", "message")}


def serve(house: Gatehouse, purpose: str, value: int, **changes: Any) -> StatusEntry:
    url = f"{PREFIX}{purpose}-1"
    size = 2 if changes.get("messages") else 1
    bits = bitstring([(INDEX, value)], entries=MINIMUM_ENTRIES, size=size)
    said = {"says": purpose, "url": url, "bits": bits, **changes}
    house.statuses.served[url] = canonicalize(house.issuer.list(REVOCATION, **said))
    return StatusEntry(purpose, INDEX, url, size, tuple(changes.get("messages", ())))


@pytest.mark.parametrize("value", range(4))
def test_a_message_is_told_and_does_not_refuse(house: Gatehouse, value: int) -> None:
    entry = serve(house, MESSAGE, value, size=2, messages=MESSAGES)
    statuses = (*house.issuer.entries(), entry)
    credential = house.issuer.issue(DEVICE.short, statuses=statuses)
    admitted = house.admit(house.device(DEVICE), credential)
    assert told(admitted, MESSAGE) == {"status": value, "message": TEXTS[value]}
    assert told(admitted, REVOCATION) == told(admitted, SUSPENSION) == {}


def test_a_message_that_the_policy_refuses(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    house.policy = replace(house.policy, refused_messages=("to be replaced", "set"))
    entry = serve(house, MESSAGE, 2, size=2, messages=MESSAGES)
    credential = house.issuer.issue(DEVICE.short, statuses=(*house.issuer.entries(), entry))
    with refused("message_refused", Check.STATUS):
        house.admit(device, credential)
    for value in (0, 1, 3):
        serve(house, MESSAGE, value, size=2, messages=MESSAGES)
        assert told(house.admit(device, credential), MESSAGE)["status"] == value
    # Of another purpose, "set" is no message.
    entry = serve(house, REFRESH, 1)
    house.admit(device, house.issuer.issue(DEVICE.short, statuses=(entry,)))


@pytest.mark.parametrize(("value", "message"), [(0, "unset"), (1, "set")])
def test_that_there_is_a_newer_one_is_told_and_does_not_refuse(
    house: Gatehouse, value: int, message: str
) -> None:
    entry = serve(house, REFRESH, value)
    credential = house.issuer.issue(DEVICE.short, statuses=(*house.issuer.entries(), entry))
    admitted = house.admit(house.device(DEVICE), credential)
    assert told(admitted, REFRESH) == {"status": value, "message": message}


def test_a_message_beside_a_revocation_does_not_hide_it(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    entry = serve(house, MESSAGE, 1, size=2, messages=MESSAGES)
    credential = house.issuer.issue(DEVICE.short, statuses=(entry, *house.issuer.entries()))
    house.admit(device, credential)
    house.issuer.set(REVOCATION)
    serve(house, MESSAGE, 1, size=2, messages=MESSAGES)
    with refused("revoked", Check.STATUS):
        house.admit(device, credential)


def test_a_message_that_cannot_be_had_leaves_the_device_undecided(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    entry = serve(house, MESSAGE, 1, size=2, messages=MESSAGES)
    credential = house.issuer.issue(DEVICE.short, statuses=(*house.issuer.entries(), entry))
    del house.statuses.served[entry.list_url]
    with undecided("status_unavailable", Check.STATUS):
        house.admit(device, credential)
    serve(house, MESSAGE, 1, size=2, messages=MESSAGES)
    house.admit(device, credential)


def test_the_record_calls_what_is_wrong_as_the_specification_does(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    outside = house.issuer.issue(DEVICE.short, statuses=house.issuer.entries(MINIMUM_ENTRIES))
    short = bytes(16)
    status_list = "https://www.w3.org/ns/credentials/status-list#"

    def problem(credential: JsonObject) -> object:
        verifier, trail = house.verifier(), Trail()
        challenge = verifier.challenge(at=house.now)
        answer = house.present(device, credential, challenge=challenge)
        with pytest.raises(KeybornError):
            verifier.admit(answer, at=house.now, trail=trail)
        return trail.steps[-1].evidence["problem"]

    assert problem(outside) == "https://www.w3.org/TR/vc-data-model#RANGE_ERROR"
    house.issuer.publish(bits=short)
    assert problem(credential) == f"{status_list}STATUS_LIST_LENGTH_ERROR"
    house.issuer.publish(says=SUSPENSION)
    assert problem(credential) == f"{status_list}STATUS_VERIFICATION_ERROR"
    house.issuer.publish(alter=lambda c: c["credentialSubject"].update(ttl="soon"))  # type: ignore[union-attr, call-overload]
    assert problem(credential) == "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR"
    house.statuses.served.clear()
    assert problem(credential) == f"{status_list}STATUS_RETRIEVAL_ERROR"
    house.issuer.publish()
    house.admit(device, credential)


def test_a_decision_unpacks_nothing(patient: Gatehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept are the bits: a list is unpacked when it is fetched, and then no more."""
    house, device = patient, patient.device(DEVICE)
    house.statuses.etags = True
    unpacked: list[str] = []

    def counted(text: str) -> bytes:
        unpacked.append(text)
        return decode_list(text)

    monkeypatch.setattr("did.vc.status_list.decode_list", counted)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    for _ in range(3):
        house.admit(device, credential, verifier=verifier)
    house.wait(60)
    house.admit(device, credential, verifier=verifier)
    assert len(unpacked) == 2
    assert len(house.statuses.confirmed) == 2


def test_its_connections_are_closed(house: Gatehouse) -> None:
    clients: list[httpx.Client] = []

    def connect(prefix: str) -> httpx.Client:
        clients.append(house.statuses.connect(prefix))
        return clients[-1]

    statuses = Statuses(store=house.store, connect=connect)
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier(statuses=statuses)
    house.admit(device, credential, verifier=verifier)
    house.admit(device, credential, verifier=verifier)

    statuses.close()

    assert [client.is_closed for client in clients] == [True], "one for each prefix"
