"""The usual case is decided as ``verifier.credentials`` decides it, or is left to it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final

import pytest
from actors import DEVICE, STRANGER
from formats import V2, as_v1
from gatehouse import INDEX, Gatehouse, Issuer, gatehouse
from hypothesis import given
from hypothesis import strategies as st
from tampered import alterations

from did.errors import KeybornError
from did.identifier import DidUrl
from did.jcs import JsonObject
from did.keys import SigningKey
from did.resolution import Finality, NotAtHandError
from did.vc.bitstring import MINIMUM_BITS
from did.vc.claims import Claims
from did.vc.credential import CONFIGURATION, PROVISIONING, Credential
from did.vc.enveloping import CREDENTIAL, seal_jwt
from did.vc.formats import Format, read_credential, secure_credential
from did.vc.status_list import REFRESH, REVOCATION, SUSPENSION, StatusEntry
from verifier.challenges import ChallengeBook
from verifier.decision import Trail
from verifier.inquiry import at_hand
from verifier.statuses import Statuses
from verifier.trust_root import Policy, TrustedIssuer
from verifier.verifier import Verifier

MICROSECOND: Final = timedelta.resolution
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
SHIFTS: Final = [
    sign * by for by in (0 * SECOND, MICROSECOND, SECOND, MINUTE, HOUR) for sign in (1, -1)
]
SPANS: Final = [minutes * MINUTE for minutes in (0, 0.5, 1, 2, 3, 4, 5, 6)]
TAKEN_BACK: Final = INDEX + 1
OTHER_TYPE: Final = "OtherCredential"


class Street:
    """An issuer that has rotated its key, and verifiers that trust it on different terms."""

    def __init__(self, house: Gatehouse) -> None:
        self.house = house
        house.device(DEVICE)
        house.device(STRANGER)
        self.born = house.now
        self.first = house.issuer.key
        house.wait(HOUR.total_seconds())
        house.append(house.issuer.life.rotate())
        self.rotated = house.now
        self.second = house.issuer.key
        house.wait(DAY.total_seconds())
        house.issuer.set(REVOCATION, index=TAKEN_BACK)
        house.issuer.set(SUSPENSION, index=TAKEN_BACK)
        self.now = house.now
        brief = house.issuer.list(SUSPENSION, ttl=None, valid_until=self.now + 3 * MINUTE)
        house.issuer.serve(SUSPENSION, brief)
        self.judges = [self._judge(*terms) for terms in self._terms()]

    def _terms(self) -> Iterator[tuple[TrustedIssuer, Policy]]:
        trusted, policy = self.house.issuer.trusted, Policy()
        yield trusted(), policy
        yield trusted(types=(PROVISIONING, OTHER_TYPE, CONFIGURATION)), Policy(clock_skew=0 * DAY)
        since, until = self.born + MINUTE, self.rotated + HOUR
        yield trusted(since=since, until=until), policy
        yield trusted(compromised_keys=(self.first.public_key(),)), policy
        yield trusted(), Policy(roles=("sensor",), models=("thermometer", "barometer"))
        yield trusted(), Policy(max_ledger_age=MINUTE, max_status_age=2 * MINUTE)
        yield trusted(), Policy(max_ledger_age=HOUR, max_status_age=MINUTE, clock_skew=0 * SECOND)
        yield trusted(), Policy(max_ledger_age=HOUR, max_status_age=HOUR)
        yield trusted(), Policy(finality=Finality.LATEST, max_ledger_age=MINUTE / 2)

    def _judge(self, issuer: TrustedIssuer, policy: Policy) -> tuple[Verifier, Verifier]:
        """A verifier that goes on learning, and one that never does, both of this moment."""
        self.house.policy = policy
        verifier = self.house.verifier(issuer)
        for key in (self.first, self.second):  # fetches the lists
            outcome(verifier, self.issue(Format.LDP_VC, key=key), self.now)
        learning = verifier.at_hand()
        for key in (self.first, self.second):
            outcome(learning, self.issue(Format.LDP_VC, key=key), self.now)
        store = self.house.store
        never = Verifier(
            trust_root=verifier.trust_root,
            resolver=at_hand(self.house.reader),
            statuses=Statuses(store=store, connect=None),
            challenges=ChallengeBook(store=store, audience=verifier.audience),
        )
        return learning, never

    def issue(
        self,
        format_: Format,
        *,
        key: SigningKey | None = None,
        signed: datetime | None = None,
        **changes: Any,
    ) -> bytes:
        """A credential by one of the issuer's keys, of when that was the current one."""
        key = key or self.second
        signed = signed or (self.born if key == self.first else self.rotated) + MINUTE
        issuer = self.house.issuer
        document = issuer.unsigned(DEVICE.short, valid_from=signed, **changes)
        document = as_v1(document) if format_ is Format.JWT_VC_JSON else document
        return secure_credential(document, key, issuer=issuer.did, created=signed, format=format_)


def outcome(verifier: Verifier, data: bytes, at: datetime, format_: Format | None = None) -> Any:
    """All that comes of a decision: the record, or the error and the record so far."""
    trail = Trail()
    try:
        verified = verifier.verify_credential(data, at=at, format=format_, trail=trail)
    except KeybornError as error:
        said = (type(error), error.code, error.step, error.message, str(error.value), error.hint)
        return said, trail.steps
    except NotAtHandError:
        return NotAtHandError
    assert list(verified.decision.steps) == trail.steps
    assert list(verified.decision.to_json()) == ["outcome", "at", "trustRoot", "logId", "steps"]
    # In text, so that the order of what is in it counts too.
    return verified.credential, verified.decision, str(verified.decision.to_json())


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with gatehouse(tmp_path_factory.mktemp("street")) as house:
        yield Street(house)


def decided(verifier: Verifier, data: bytes, at: datetime) -> bool:
    """Whether that is the usual case for ``verifier``."""
    assert verifier._usual is not None
    return verifier._usual.decide(read_credential(data), at) is not None


@pytest.mark.parametrize("format_", V2)
def test_ours_are_the_usual_case(street: Street, format_: Format) -> None:
    """Else nothing that follows would show anything."""
    for number, (learning, never) in enumerate(street.judges):
        for key in (street.first, street.second):
            data = street.issue(format_, key=key)
            expected = outcome(never, data, street.now)
            assert outcome(learning, data, street.now) == expected
            # Some terms refuse the first key, of which nothing is learnt then.
            assert decided(learning, data, street.now) == isinstance(expected[0], Credential)
            assert isinstance(expected[0], Credential) or (key == street.first and number), number


@pytest.mark.parametrize("format_", V2)
def test_nothing_is_known_before_it_was_learnt(street: Street, format_: Format) -> None:
    data = street.issue(format_)
    street.house.policy = Policy()
    fresh = street.house.verifier().at_hand()
    assert not decided(fresh, data, street.now)
    outcome(fresh, data, street.now)
    assert decided(fresh, data, street.now)


@pytest.mark.parametrize("format_", V2)
def test_whatever_is_done_to_ours(street: Street, format_: Format) -> None:
    learning, never = street.judges[0]
    data = street.issue(format_)
    for what, altered in alterations(data, format_):
        for told in (format_, None):
            expected = outcome(never, altered, street.now, told)
            assert outcome(learning, altered, street.now, told) == expected, what


def test_a_signature_is_checked_every_time(street: Street) -> None:
    learning, _ = street.judges[0]
    data = street.issue(Format.VC_COSE)
    assert decided(learning, data, street.now)
    for _ in range(2):
        assert not decided(learning, data[:-1] + bytes([data[-1] ^ 1]), street.now)
        assert decided(learning, data, street.now)


shifts = st.sampled_from(SHIFTS)
said = st.sampled_from([None, "", "x", "thermometer", [], ["sensor"], ["x", "sensor"], 1, [1]])


@st.composite
def claims(draw: st.DrawFn) -> JsonObject:
    """What is said otherwise of the device."""
    name = draw(st.sampled_from(["logId", "model", "owner", "roles", "more", "id"]))
    return {name: draw(st.one_of(said, st.sampled_from(["0" * 64, "did:example:1"])))}


@st.composite
def entries(draw: st.DrawFn, issuer: Issuer) -> list[StatusEntry]:
    """Entries of our lists and of others: some are taken back, some beyond the end."""
    index = st.sampled_from([INDEX, TAKEN_BACK, 0, MINIMUM_BITS - 1, MINIMUM_BITS, 10**17])
    purpose = st.sampled_from([REVOCATION, SUSPENSION, REFRESH])
    url = st.sampled_from([issuer.url(each) for each in (REVOCATION, SUSPENSION, "none")])
    other = st.lists(st.builds(StatusEntry, purpose, index, url), max_size=3)
    return draw(st.one_of(other, index.map(lambda each: list(issuer.entries(each)))))


# What may be out of the ordinary, of which there are a few things at a time.
ODD: Final = ("key", "signed", "ends", "types", "claims", "statuses", "at")


@given(st.data())
def test_the_same_of_whatever_an_issuer_signs_whenever_it_is_judged(
    street: Street, data: st.DataObject
) -> None:
    draw, now = data.draw, street.now
    odd = draw(st.sets(st.sampled_from(ODD), max_size=3))
    key = draw(st.sampled_from([street.first, street.second]))
    changes: dict[str, Any] = {}
    if "signed" in odd:
        edges = [street.born, street.born + MINUTE, street.rotated, street.rotated + HOUR, now]
        changes["signed"] = draw(st.sampled_from(edges)) + draw(shifts)
    if "ends" in odd:
        earliest = changes.get("signed", street.rotated + MINUTE)
        changes["valid_until"] = max(earliest, now + draw(shifts) - draw(shifts))
    if "types" in odd:
        others = [OTHER_TYPE, CONFIGURATION, "VerifiableCredential"]
        changes["types"] = draw(st.sampled_from(others))
    if "claims" in odd:
        changes["claims"] = draw(claims())
    if "statuses" in odd:
        changes["statuses"] = draw(entries(street.house.issuer))
    if "key" in odd:
        changes["signed"] = changes.get("signed", now)
        key = draw(st.sampled_from([street.first, STRANGER.key]))
    credential = street.issue(draw(st.sampled_from(Format)), key=key, **changes)
    at = now
    if "at" in odd:
        at += draw(st.sampled_from(SPANS)) * draw(st.sampled_from([1, -1])) + draw(shifts)
    learning, never = draw(st.sampled_from(street.judges))
    assert outcome(learning, credential, at) == outcome(never, credential, at)


@pytest.mark.parametrize(("begins", "ends"), [(SHIFTS, [None]), ([None], SHIFTS)])
def test_times_of_an_envelope(
    street: Street, begins: list[timedelta | None], ends: list[timedelta | None]
) -> None:
    """Our issuers state none, and whoever does is judged by them."""
    now, (learning, never) = street.now, street.judges[0]
    issuer = street.house.issuer
    method = DidUrl(issuer.did, street.second.public_key().multibase)
    for begin, end in product(begins, ends):
        claims = Claims(
            not_before=None if begin is None else now + begin,
            expires=None if end is None else now + end,
        )
        document = issuer.unsigned(DEVICE.short)
        data = seal_jwt(document, street.second, CREDENTIAL, method=method, claims=claims)
        assert outcome(learning, data, now) == outcome(never, data, now)


def test_every_edge_of_its_validity(street: Street) -> None:
    now, settled = street.now, street.rotated + HOUR
    edges = [street.born, street.born + MINUTE, street.rotated, settled, now - MINUTE, now + MINUTE]
    for edge, shift, key in product(edges, SHIFTS, (street.first, street.second)):
        begins = street.issue(Format.LDP_VC, key=key, signed=edge + shift)
        ends = street.issue(Format.LDP_VC, key=key, valid_until=max(edge + shift, settled))
        for learning, never in street.judges:
            for data in (begins, ends):
                assert outcome(learning, data, now) == outcome(never, data, now)


def test_every_edge_of_what_is_known(street: Street) -> None:
    """The log, and the lists, are too old after a time, and of the future before it."""
    data = street.issue(Format.LDP_VC)
    for span, sign, shift in product(SPANS, (1, -1), SHIFTS):
        at = street.now + sign * span + shift
        for learning, never in street.judges:
            assert outcome(learning, data, at) == outcome(never, data, at)
