"""The tampering matrix: one thing changed in a secured credential or presentation, in any format.

Every signed field and every field of the proof or the headers is altered, removed, duplicated and
moved; the algorithms, the types and the media types of the other formats stand in for its own. All
of it is refused by a verifier that accepts the untouched twin. How many there were is said at the
end of the run.
"""

from collections.abc import Iterable
from datetime import timedelta
from itertools import permutations, product
from typing import Any

import pytest
from actors import DEVICE, ISSUER
from gatehouse import Gatehouse
from resigned import resigned
from tampered import Case, alterations, in_one_form, sign, take, whole
from tampering import values

from did.errors import Invalid, KeybornError, Refused
from did.jcs import Json, JsonObject, canonicalize
from did.vc.contexts import UNDEFINED_TERMS, V2
from did.vc.data_urls import media_type, wrap
from did.vc.enveloping import CREDENTIAL, PRESENTATION
from did.vc.formats import Format, read_presentation

ALL = tuple(Format)


class Door:
    """A verifier with one device before it, and a credential and a presentation in each format."""

    def __init__(self, house: Gatehouse) -> None:
        self.house = house
        self.verifier = house.verifier()
        self.device = house.device(DEVICE)
        self.credentials = {
            format_: house.issuer.issue_as(
                format_, DEVICE.short, valid_until=house.now + timedelta(days=365)
            )
            for format_ in ALL
        }
        self.challenge = self.verifier.challenge(at=house.now)
        self.presentations = {
            format_: house.present_as(
                format_, self.device, (self.credentials[format_], format_), challenge=self.challenge
            )
            for format_ in ALL
        }

    def believe(self, data: bytes, format_: Format | None = None) -> None:
        self.verifier.verify_credential(data, at=self.house.now, format=format_)

    def admit(self, data: bytes, format_: Format | None = None) -> None:
        self.verifier.verify(data, challenge=self.challenge, at=self.house.now, format=format_)

    def admit_the_twin(self, format_: Format) -> None:
        """A presentation like the others; a challenge is answered once, so for one of its own."""
        challenge = self.verifier.challenge(at=self.house.now)
        answer = self.house.present_as(
            format_, self.device, (self.credentials[format_], format_), challenge=challenge
        )
        self.verifier.verify(answer, challenge=challenge, at=self.house.now)


@pytest.fixture(scope="module")
def door(standing: Gatehouse) -> Door:
    return Door(standing)


def refuse_all(
    judge: Any, cases: Iterable[Case], twin: bytes, format_: Format | None = None
) -> int:
    """How many cases there are; each is refused, told from its bytes or said to be ``format_``."""
    accepted, number = [], 0
    same = in_one_form(twin)
    for what, data in cases:
        if in_one_form(data) == same:
            continue  # no other value: an encoding's last letter has bits that stand for nothing
        number += 1
        try:
            judge(data, format_)
        except KeybornError as error:
            if not isinstance(error, Invalid | Refused):
                accepted.append(f"{what}: {error}")
        else:
            accepted.append(what)
    assert accepted == []
    return number


@pytest.mark.parametrize("format_", ALL)
def test_a_credential(door: Door, format_: Format, record_property: Any) -> None:
    twin = door.credentials[format_]
    door.believe(twin)
    number = refuse_all(door.believe, alterations(twin, format_), twin)
    number += refuse_all(door.believe, resigned(twin, format_, "vc", ISSUER.key), twin)
    door.believe(
        whole(sign(take(twin, format_), ISSUER.key))
    )  # what is taken apart and put together
    record_property("tampered", number)
    assert number > 200


@pytest.mark.parametrize("format_", ALL)
def test_a_presentation(door: Door, format_: Format, record_property: Any) -> None:
    twin = door.presentations[format_]
    number = refuse_all(door.admit, alterations(twin, format_), twin)
    number += refuse_all(door.admit, resigned(twin, format_, "vp", DEVICE.key), twin)
    door.admit_the_twin(format_)
    record_property("tampered", number)
    assert number > 200


@pytest.mark.parametrize(("outer", "inner"), [*product(ALL[:3], ALL), (ALL[3], ALL[3])])
def test_a_credential_that_its_holder_altered(
    door: Door, outer: Format, inner: Format, record_property: Any
) -> None:
    """The holder's signature holds, and covers what is altered: the issuer's does not."""

    def show(data: bytes, _format: Format | None) -> None:
        challenge = door.verifier.challenge(at=door.house.now)
        answer = door.house.present_as(outer, door.device, (data, inner), challenge=challenge)
        door.verifier.verify(answer, challenge=challenge, at=door.house.now)

    twin = door.credentials[inner]
    show(twin, None)
    taken = take(twin, inner)
    cases = [
        (f"{name}: {what}", whole(taken.put(**{name: value})))
        for name, part in taken.parts.items()
        for what, value in values(part)
    ]
    number = refuse_all(show, cases, twin)
    record_property("tampered", number)
    assert number > 20


def test_one_format_said_to_be_another(door: Door, record_property: Any) -> None:
    """Bytes, and the payload and signature of one envelope in another."""
    number = 0
    for judge, held, key in (
        (door.believe, door.credentials, ISSUER.key),
        (door.admit, door.presentations, DEVICE.key),
    ):
        for one, other in permutations(ALL, 2):
            cases = [(f"{one} as {other}", held[one]), *_transplants(held, one, other, key)]
            number += refuse_all(judge, cases, b"", other)
    for format_ in ALL:
        door.believe(door.credentials[format_], format_)
        door.admit_the_twin(format_)
    record_property("tampered", number)


def _transplants(held: dict[Format, bytes], one: Format, other: Format, key: Any) -> Iterable[Case]:
    """What is signed in one envelope, with its signature, in another's frame."""
    if Format.LDP_VC in (one, other):
        return
    source, frame = take(held[one], one), take(held[other], other)
    signature = source.signature
    if one is Format.VC_COSE:
        signature = frame.signature
    payload = source.parts["payload"]
    yield f"payload of {one} in {other}", whole(frame.put(payload=payload))
    if Format.VC_COSE not in (one, other):
        borrowed = frame.put(payload=payload, header=source.parts["header"])
        yield f"payload and header of {one} in {other}", whole(sign(borrowed, key))
        yield f"signature {signature[:4]}", whole(frame.put(payload=payload))


def test_a_credential_is_no_presentation_and_the_other_way_round(
    door: Door, record_property: Any
) -> None:
    number = 0
    for one, other in product(ALL, (*ALL, None)):
        number += refuse_all(door.admit, [(f"{one}", door.credentials[one])], b"", other)
        number += refuse_all(door.believe, [(f"{one}", door.presentations[one])], b"", other)
    for format_ in ALL:
        door.believe(door.credentials[format_])
        door.admit_the_twin(format_)
    record_property("tampered", number)


def beside(envelope: JsonObject) -> dict[str, JsonObject]:
    """``envelope`` with something added to it that nobody signed (VC Data Model 2.0, 4.13.1)."""
    kind = envelope["type"]
    members: dict[str, Json] = {
        "issuer": ISSUER.short.text,
        "holder": DEVICE.short.text,
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": DEVICE.short.text, "roles": ["admin"]},
        "credentialStatus": [],
        "verifiableCredential": [],
        "proof": {"type": "DataIntegrityProof"},
        "name": "a name",
        "relatedResource": [],
        "unknown": None,
        "@type": "VerifiableCredential",
        "@id": "urn:uuid:1",
    }
    types: tuple[Json, ...] = (
        ["VerifiableCredential", kind],
        [kind, "VerifiableCredential"],
        [kind, "VerifiablePresentation"],
        [kind, kind],
        [kind, 5],
        [[kind]],
        {"@value": kind},
    )
    contexts: tuple[Json, ...] = (
        [V2, 5],
        [V2, None],
        [V2, [V2]],
        [V2, {}],
        [V2, {str(kind): "https://evil.example/#Other"}],
        [V2, "https://evil.example/context"],
        [UNDEFINED_TERMS, V2],
        {"@vocab": "https://evil.example/#"},
    )
    return {
        **{f"with {name}": {**envelope, name: value} for name, value in members.items()},
        **{f"of type {value}": {**envelope, "type": value} for value in types},
        **{f"with context {value}": {**envelope, "@context": value} for value in contexts},
    }


def test_an_enveloped_presentation(door: Door, record_property: Any) -> None:
    number = 0
    for format_ in ALL[1:]:
        cases = beside(wrap(door.presentations[format_], format_, PRESENTATION)).items()
        number += refuse_all(door.admit, [(what, canonicalize(it)) for what, it in cases], b"")
        challenge = door.verifier.challenge(at=door.house.now)
        answer = door.house.present_as(
            format_, door.device, (door.credentials[format_], format_), challenge=challenge
        )
        for more in ({}, {"type": [PRESENTATION.enveloped]}, {"@context": [V2, UNDEFINED_TERMS]}):
            twin = canonicalize({**wrap(answer, format_, PRESENTATION), **more})
            assert read_presentation(twin).to_bytes() == answer
        door.verifier.verify(twin, challenge=challenge, at=door.house.now)
    record_property("tampered", number)


def test_the_media_type_of_an_envelope(door: Door, record_property: Any) -> None:
    """An enveloped credential whose ``data:`` URL says another type than it is of."""
    cases = []
    for format_ in ALL[1:]:
        good = wrap(door.credentials[format_], format_, CREDENTIAL)
        for more in ({}, {"type": [CREDENTIAL.enveloped]}, {"@context": [V2, UNDEFINED_TERMS]}):
            door.believe(canonicalize({**good, **more}))
        url = str(good["id"])
        own = media_type(format_)
        named = {media_type(other, kind) for other in ALL for kind in (CREDENTIAL, PRESENTATION)}
        for other in (named | {"text/plain", "application/json", "", "application/vc+sd-jwt"}) - {
            own
        }:
            cases.append((f"{format_} as {other}", {**good, "id": url.replace(own, other, 1)}))
            for base64 in (";base64", ";charset=utf-8", "%2Bx"):
                spelt = f"data:{other}{base64},{url.partition(',')[2]}"
                cases.append((f"{format_} as {other}{base64}", {**good, "id": spelt}))
        cases += [
            (f"{format_}, {what}", value)
            for what, value in {
                "no id": {name: it for name, it in good.items() if name != "id"},
                "no context": {name: it for name, it in good.items() if name != "@context"},
                "another context": {**good, "@context": "https://www.w3.org/2018/credentials/v1"},
                "an empty context": {**good, "@context": []},
                "a presentation's type": {**good, "type": "EnvelopedVerifiablePresentation"},
                "no type": {name: it for name, it in good.items() if name != "type"},
                "an https: URL": {**good, "id": "https://issuer.example/credential"},
                "no data": {**good, "id": url.partition(",")[0]},
                "a number": {**good, "id": 5},
                "padding": {**good, "id": url + "="},
                "white space": {**good, "id": url + " "},
                "percent-encoding": {**good, "id": url.replace("e", "%65", 1)},
                "another spelling": {**good, "id": url.replace("data:", "DATA:", 1)},
                **beside(good),
            }.items()
        ]
    number = refuse_all(door.believe, [(what, canonicalize(it)) for what, it in cases], b"")
    shown = [
        (what, door.house.present_as(Format.VC_JWT, door.device, challenge=door.challenge), it)
        for what, it in cases
    ]
    for what, empty, value in shown:
        taken = take(empty, Format.VC_JWT)
        held = taken.put(payload={**taken.parts["payload"], "verifiableCredential": [value]})
        number += refuse_all(door.admit, [(what, whole(sign(held, DEVICE.key)))], b"")
    record_property("tampered", number)
