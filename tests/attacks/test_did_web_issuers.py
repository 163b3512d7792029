"""An issuer whose DID is a did:web: what the trust root, its host and its document have to say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, STRANGER, Actor, actor
from gatehouse import Gatehouse, Issuer
from outcomes import invalid, refused, undecided
from web_hosts import WebHost, answer, document, web_host

from did.errors import Refused
from did.jcs import JsonObject
from did.resolution import Finality, check_current
from did.vc.credential import sign_credential
from did.vc.formats import secure_credential
from did.vc.securing import Format
from did.vc.status_list import SUSPENSION
from ledger.resolving.methods import MethodResolver
from ledger.resolving.web import WebResolver
from verifier.decision import Check
from verifier.inquiry import Inquiry
from verifier.verifier import Verifier

WEB = actor("an issuer with a host")
NEXT = actor("its next key")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHost]:
    with web_host(tmp_path_factory.mktemp("host")) as host:
        yield host


class Office:
    """An issuer with a did:web, whose document says what a test wants."""

    def __init__(self, house: Gatehouse, host: WebHost, *, name: str = "office") -> None:
        self.house, self.host = house, host
        self.did = host.did(name)
        self.issuer = Issuer(house, WEB, did=self.did, prefix=f"https://issuer.example/{name}/")
        self.issuer.publish()
        self.serve(WEB)

    def serve(self, *actors: Actor, **members: Any) -> None:
        self.host.serve(self.did, self.document(*actors, **members))

    def document(self, *actors: Actor, **members: Any) -> dict[str, Any]:
        """Its methods are named by their keys, as what it signs names them."""
        content = document(self.did, *actors)
        for method in content["verificationMethod"]:
            method["id"] = f"{self.did.text}#{method['publicKeyMultibase']}"
        names = [method["id"] for method in content["verificationMethod"]]
        return {**content, "authentication": names, "assertionMethod": names, **members}

    def verifier(self, **changes: Any) -> Verifier:
        max_age, house = self.house.policy.max_status_age, self.house
        web = WebResolver(self.host.https(), max_age=max_age, now=lambda: house.now)
        resolver = MethodResolver(house.reader, web)
        return house.verifier(self.issuer.trusted(**changes), resolver=resolver)

    def credential(self, subject: Actor = DEVICE, **options: Any) -> JsonObject:
        return self.issuer.issue(subject.short, **options)


@pytest.fixture
def office(house: Gatehouse, host: WebHost) -> Office:
    house.device(DEVICE)
    return Office(house, host)


def admit(office: Office, credential: JsonObject, verifier: Verifier | None = None) -> Any:
    life = office.house.device(DEVICE, registered=False)
    return office.house.admit(life, credential, verifier=verifier or office.verifier())


def test_a_device_of_an_issuer_that_the_trust_root_names(office: Office) -> None:
    admitted = admit(office, office.credential())
    assert admitted.issuer == office.did
    (step,) = [step for step in admitted.decision.steps if step.check is Check.ISSUER_KEY]
    assert step.evidence["did"] == office.did.text
    assert step.evidence["key"] == WEB.key.public_key().multibase
    assert step.age == 0


def test_an_issuer_that_the_trust_root_does_not_name(office: Office) -> None:
    stranger = Office(office.house, office.host, name="stranger")
    asked = len(office.host.asked)
    with refused("untrusted_issuer", Check.ISSUER):
        admit(office, stranger.credential())
    assert len(office.host.asked) == asked  # nobody is asked because a credential says so
    admit(office, office.credential())
    assert len(office.host.asked) > asked


def test_a_host_is_asked_for_issuers_alone(office: Office) -> None:
    """Whatever a decision may come to resolve, the trust root comes first."""
    house = office.house
    web = WebResolver(office.host.https())
    inquiry = Inquiry(
        house.trust_root(office.issuer.trusted()), MethodResolver(house.reader, web), house.now
    )
    asked = len(office.host.asked)
    with pytest.raises(Refused) as raised:
        inquiry.resolve(office.host.did("elsewhere"))
    assert raised.value.code == "untrusted_issuer"
    assert len(office.host.asked) == asked


def test_a_holder_with_a_did_web(office: Office) -> None:
    """A device is on the log; a host does not stand in for that."""
    house, verifier = office.house, office.verifier()
    challenge = verifier.challenge(at=house.now)
    answer_ = house.present(
        house.device(DEVICE, registered=False),
        office.credential(),
        challenge=challenge,
        key=WEB.key,
        holder=office.did,
    )
    with refused("not_registered", Check.HOLDER):
        verifier.admit(answer_, at=house.now)
    admit(office, office.credential(), verifier)


def test_a_key_that_is_not_in_the_document(office: Office) -> None:
    with invalid("unknown_verification_method", Check.ISSUER_KEY):
        admit(office, office.credential(key=STRANGER.key))
    admit(office, office.credential())


def test_a_key_that_is_for_something_else(office: Office) -> None:
    office.serve(WEB, assertionMethod=[])
    with refused("key_not_authorized", Check.ISSUER_KEY):
        admit(office, office.credential())
    office.serve(WEB, authentication=[])
    admit(office, office.credential())


@pytest.mark.parametrize(
    "change",
    [
        {"controller": "did:web:other.example"},
        {"type": "X25519KeyAgreementKey2020"},
        {"publicKeyMultibase": STRANGER.key.public_key().multibase},
    ],
)
def test_a_key_that_is_not_this_did_s(office: Office, change: dict[str, str]) -> None:
    content = office.document(WEB)
    content["verificationMethod"][0].update(change)
    office.host.serve(office.did, content)
    code = "invalid_signature" if "publicKeyMultibase" in change else "unknown_verification_method"
    step = Check.CREDENTIAL_SIGNATURE if code == "invalid_signature" else Check.ISSUER_KEY
    with invalid(code, step):
        admit(office, office.credential())
    office.serve(WEB)
    admit(office, office.credential())


def test_a_key_of_another_did_of_the_same_host(office: Office) -> None:
    """Its document may list the method of another DID; it does not lend it its own name."""
    other = Office(office.house, office.host, name="other")
    foreign = other.document(WEB)
    office.serve(
        verificationMethod=foreign["verificationMethod"],
        assertionMethod=foreign["assertionMethod"],
    )
    with invalid("unknown_verification_method", Check.ISSUER_KEY):
        admit(office, office.credential())
    office.serve(WEB)
    admit(office, office.credential())


def test_a_key_that_was_taken_out_counts_no_more_whatever_its_date(office: Office) -> None:
    """There is no history: not even what was signed while it was listed."""
    old = office.credential()
    admit(office, old)
    office.serve(NEXT)
    with invalid("unknown_verification_method", Check.ISSUER_KEY):
        admit(office, old)
    office.issuer.publish(key=NEXT.key)
    admit(office, office.credential(key=NEXT.key))
    # And the other way round: a new key counts for any date, which is why it is said in the docs.
    early = office.house.now - timedelta(days=300)
    admit(office, office.credential(key=NEXT.key, valid_from=early))


def test_a_key_that_the_trust_root_marks(office: Office) -> None:
    marked = office.verifier(compromised_keys=(WEB.key.public_key(),))
    with refused("issuer_key_compromised", Check.ISSUER_KEY):
        admit(office, office.credential(), marked)
    admit(office, office.credential())


def test_a_document_is_as_old_as_a_status_list_may_be(office: Office) -> None:
    house = office.house
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=60))
    verifier, credential = office.verifier(), office.credential()
    admit(office, credential, verifier)
    office.serve(NEXT)
    house.wait(59)
    admit(office, credential, verifier)
    house.wait(1)
    with invalid("unknown_verification_method", Check.ISSUER_KEY):
        admit(office, credential, verifier)


def test_a_resolver_that_keeps_documents_for_longer(office: Office) -> None:
    house = office.house
    start = house.now
    hoarding = WebResolver(office.host.https(), max_age=timedelta(days=9), now=lambda: start)
    verifier = house.verifier(
        office.issuer.trusted(), resolver=MethodResolver(house.reader, hoarding)
    )
    admit(office, office.credential(), verifier)
    house.wait(1)
    with undecided("did_web_stale", Check.ISSUER_KEY):
        admit(office, office.credential(), verifier)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (answer(b"", "500 Internal Server Error"), "did_web_failed"),
        (answer(b"", "302 Found", {"location": "https://other.example/"}), "redirected"),
        (answer({"id": "did:web:other.example"}), "invalid_did_document"),
        (answer(b"{}", headers={"content-encoding": "gzip"}), "invalid_answer"),
    ],
)
def test_a_host_that_does_not_say(office: Office, page: bytes, code: str) -> None:
    """The device has done nothing wrong, and is not admitted."""
    office.host.serve(office.did, page)
    with undecided(code, Check.ISSUER_KEY):
        admit(office, office.credential())
    office.serve(WEB)
    admit(office, office.credential())


def test_a_did_web_that_was_taken_away(office: Office) -> None:
    office.host.serve(office.did, answer(b"", "404 Not Found"))
    with refused("did_not_found", Check.ISSUER_KEY):
        admit(office, office.credential())
    office.serve(WEB)
    admit(office, office.credential())


def test_a_name_that_leads_into_the_network(house: Gatehouse, host: WebHost) -> None:
    house.device(DEVICE)
    office = Office(house, host)
    inside = WebResolver(host.https({"issuer.example": ["10.0.0.1"]}), now=lambda: house.now)
    verifier = house.verifier(
        office.issuer.trusted(), resolver=MethodResolver(house.reader, inside)
    )
    with refused("address_not_public", Check.ISSUER_KEY):
        admit(office, office.credential(), verifier)
    admit(office, office.credential())


def test_without_a_resolver_for_it(office: Office) -> None:
    verifier = office.house.verifier(office.issuer.trusted())
    with undecided("method_not_supported", Check.ISSUER_KEY):
        admit(office, office.credential(), verifier)
    admit(office, office.credential())


# -- its status lists ------------------------------------------------------------------------


def test_its_status_lists_count(office: Office) -> None:
    credential = office.credential()
    office.issuer.set(SUSPENSION)
    with refused("suspended", Check.STATUS):
        admit(office, credential)
    office.issuer.set(SUSPENSION, value=False)
    admit(office, credential)


def test_a_status_list_under_a_key_that_is_for_something_else(office: Office) -> None:
    office.serve(WEB, NEXT, assertionMethod=[f"{office.did.text}#{WEB.key.public_key().multibase}"])
    office.issuer.publish(key=NEXT.key)
    with undecided("status_key_not_current", Check.STATUS):
        admit(office, office.credential())
    office.issuer.publish()
    admit(office, office.credential())


def test_a_kept_status_list_ends_with_its_key(office: Office) -> None:
    house = office.house
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=60))
    verifier = office.verifier()
    office.serve(WEB, NEXT)
    admit(office, office.credential(key=NEXT.key), verifier)
    office.serve(NEXT)
    house.wait(60)
    with undecided("status_invalid", Check.STATUS):  # still signed with the key that was taken out
        admit(office, office.credential(key=NEXT.key), verifier)
    office.issuer.publish(key=NEXT.key)
    admit(office, office.credential(key=NEXT.key), verifier)


def test_a_did_web_that_signs_the_lists_of_another(office: Office) -> None:
    """Named for lists, its host is asked; and what it has no document for counts no more."""
    house = office.house
    trusted = house.issuer.trusted(status_issuers=(office.did,))
    web = WebResolver(office.host.https(), max_age=timedelta(0), now=lambda: house.now)
    verifier = house.verifier(trusted, resolver=MethodResolver(house.reader, web))
    for purpose in house.issuer.bits:
        document_ = house.issuer.list(purpose)
        unsigned = {name: value for name, value in document_.items() if name != "proof"}
        unsigned["issuer"] = office.did.text
        house.issuer.serve(
            purpose, sign_credential(unsigned, WEB.key, issuer=office.did, created=house.now)
        )
    credential = house.issuer.issue(DEVICE.short)
    admit(office, credential, verifier)
    office.host.serve(office.did, answer(b"", "404 Not Found"))
    with undecided("status_stale", Check.STATUS):
        admit(office, credential, verifier)
    with undecided("status_issuer_mismatch", Check.STATUS):
        admit(office, credential, house.verifier())
    office.serve(WEB)
    admit(office, credential, verifier)


def test_which_key_asserts_now(office: Office) -> None:
    resolution = WebResolver(office.host.https()).resolve(office.did)
    rest: Any = {"finality": Finality.FINALIZED, "step": "a step"}
    check_current(resolution, WEB.key.public_key(), **rest)
    with pytest.raises(Refused) as raised:
        check_current(resolution, NEXT.key.public_key(), **rest)
    assert raised.value.code == "key_not_authorized"


@pytest.mark.parametrize("form", [Format.LDP_VC, Format.VC_JWT, Format.VC_COSE])
def test_the_credential_alone_in_each_format(office: Office, form: Format) -> None:
    unsigned = {name: value for name, value in office.credential().items() if name != "proof"}

    def verify(signer: Actor) -> Any:
        data = secure_credential(
            unsigned, signer.key, issuer=office.did, created=office.house.now, format=form
        )
        return office.verifier().verify_credential(data, at=office.house.now)

    assert verify(WEB).credential.issuer == office.did
    with invalid("unknown_verification_method", Check.ISSUER_KEY):
        verify(STRANGER)
