"""One pipeline for all formats: what holds for one holds for each."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from actors import DEVICE, ISSUER, STRANGER
from click.testing import CliRunner
from formats import at
from gatehouse import AUDIENCE, Gatehouse
from outcomes import invalid, refused
from serving import serving
from street import Street, street
from tampered import sign, take, whole

from did.jcs import JsonObject, canonicalize
from did.vc.data_urls import media_type, wrap
from did.vc.enveloping import CREDENTIAL, PRESENTATION
from did.vc.formats import Format
from did.vc.status_list import REVOCATION, SUSPENSION
from keyborn.cli import cli
from verifier.app import create_app
from verifier.decision import Check

ALL = tuple(Format)
each_format = pytest.mark.parametrize("format_", ALL)
MIXED = [*product(ALL[:3], ALL), (Format.JWT_VC_JSON, Format.JWT_VC_JSON)]


@pytest.mark.parametrize(("outer", "inner"), MIXED, ids=str)
def test_a_device_is_admitted(house: Gatehouse, outer: Format, inner: Format) -> None:
    device, verifier = house.device(DEVICE), house.verifier()
    credential = house.issuer.issue_as(inner, DEVICE.short)
    challenge = verifier.challenge(at=house.now)
    answer = house.present_as(outer, device, (credential, inner), challenge=challenge)

    admitted = verifier.admit(answer, at=house.now)

    assert (admitted.did, admitted.claims.model) == (DEVICE.short, "thermometer")
    assert admitted.credentials[0].to_bytes() == credential
    assert len(admitted.decision.steps) == 16
    assert admitted.decision.steps[0].evidence == {"format": outer.value, "credentials": 1}
    with refused("challenge_used", Check.CHALLENGE):
        verifier.admit(answer, at=house.now)


def test_one_presentation_holds_several_formats(house: Gatehouse) -> None:
    """The type of the others is theirs alone: exactly one says who the device is."""
    device = house.device(DEVICE)
    verifier = house.verifier(
        house.issuer.trusted(types=("DeviceProvisioningCredential", "CalibrationCredential"))
    )
    held = [(house.issuer.issue_as(Format.VC_COSE, DEVICE.short), Format.VC_COSE)]
    for format_ in (Format.LDP_VC, Format.VC_JWT, Format.JWT_VC_JSON):
        more = house.issuer.issue_as(format_, DEVICE.short, types="CalibrationCredential")
        held.append((more, format_))
    challenge = verifier.challenge(at=house.now)
    answer = house.present_as(Format.VC_JWT, device, *held, challenge=challenge)

    admitted = verifier.verify(answer, challenge=challenge, at=house.now)

    assert [each.format for each in admitted.credentials] == [its for _, its in held]


@each_format
def test_every_check_applies(house: Gatehouse, format_: Format) -> None:
    """Each is refused at its step, and the repaired request is admitted in the end."""
    device, issuer, verifier = house.device(DEVICE), house.issuer, house.verifier()

    def show(credential: bytes | None = None, nonce: str | None = None, **changes: Any) -> None:
        challenge = verifier.challenge(at=house.now)
        held = issuer.issue_as(format_, DEVICE.short) if credential is None else credential
        answered = replace(challenge, nonce=nonce or challenge.nonce)
        answer = house.present_as(format_, device, (held, format_), challenge=answered, **changes)
        verifier.verify(answer, challenge=challenge, at=house.now)

    with refused("wrong_challenge", Check.CHALLENGE):
        show(nonce="bm9uY2UtbnVtYmVyLW9uZQ")
    with refused("wrong_audience", Check.CHALLENGE):
        show(audience="https://other.example")
    with refused("not_registered", Check.HOLDER):
        show(holder=DEVICE.key_did)
    with refused("presentation_expired", Check.PRESENTATION_SIGNATURE):
        show(expires=house.now)
    with refused("untrusted_type", Check.TYPE):
        show(issuer.issue_as(format_, DEVICE.short, types="VerifiableCredential"))
    with refused("untrusted_type", Check.ISSUER):
        show(issuer.issue_as(format_, DEVICE.short, types="OtherCredential"))
    with refused("holder_not_subject", Check.SUBJECT):
        show(issuer.issue_as(format_, STRANGER.short))
    with refused("wrong_log", Check.LOG):
        show(issuer.issue_as(format_, DEVICE.short, claims={"logId": "00" * 32}))
    with refused("credential_not_yet_valid", Check.VALIDITY):
        show(issuer.issue_as(format_, DEVICE.short, valid_from=house.now + timedelta(days=1)))
    short = issuer.issue_as(format_, DEVICE.short, valid_until=house.now + timedelta(seconds=1))
    show(short)
    house.wait(3600)
    with refused("credential_expired", Check.VALIDITY):
        show(short)
    for purpose, code in ((SUSPENSION, "suspended"), (REVOCATION, "revoked")):
        issuer.set(purpose)
        with refused(code, Check.STATUS):
            show()
    for purpose in (SUSPENSION, REVOCATION):
        issuer.set(purpose, value=False)
    show()


@each_format
def test_a_credential_alone(house: Gatehouse, format_: Format) -> None:
    data = house.issuer.issue_as(format_, DEVICE.short)
    verifier = house.verifier()

    found = verifier.verify_credential(data, at=house.now, format=format_)

    assert (found.credential.format, found.credential.to_bytes()) == (format_, data)
    assert found.decision.steps[0].evidence == {"format": format_.value, "credentials": 1}
    other = Format.LDP_VC if format_ is Format.VC_JWT else Format.VC_JWT
    code = "invalid_json" if other is Format.LDP_VC else "invalid_jwt"
    with invalid(code, Check.FORMAT):
        verifier.verify_credential(data, at=house.now, format=other)


@pytest.mark.parametrize("format_", ALL[1:])
def test_a_credential_that_is_enveloped(house: Gatehouse, format_: Format) -> None:
    data = house.issuer.issue_as(format_, DEVICE.short)
    found = house.verifier().verify_credential(
        canonicalize(wrap(data, format_, CREDENTIAL)), at=house.now
    )
    assert found.credential.to_bytes() == data


@each_format
def test_a_credential_of_several_subjects_speaks_of_no_device(
    house: Gatehouse, format_: Format
) -> None:
    def add(document: JsonObject) -> None:
        document["credentialSubject"] = [document["credentialSubject"], {"id": STRANGER.short.text}]

    several = house.issuer.issue_as(format_, DEVICE.short, alter=add)
    verifier, device = house.verifier(), house.device(DEVICE)
    with invalid("invalid_credential", Check.LOG):
        verifier.verify_credential(several, at=house.now)
    challenge = verifier.challenge(at=house.now)
    answer = house.present_as(format_, device, (several, format_), challenge=challenge)
    with invalid("invalid_credential", Check.LOG):
        verifier.verify(answer, challenge=challenge, at=house.now)

    verifier.verify_credential(house.issuer.issue_as(format_, DEVICE.short), at=house.now)


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE])
def test_a_signature_that_has_ended_or_has_not_begun(house: Gatehouse, format_: Format) -> None:
    """``exp`` and ``nbf`` are the signature's own times, beside the credential's."""
    verifier, key = house.verifier(), ISSUER.key
    taken = take(house.issuer.issue_as(format_, DEVICE.short), format_)

    def claimed(**claims: int) -> bytes:
        if format_ is Format.VC_COSE:
            labels = {"exp": "4", "nbf": "5"}
            named = {labels[name]: value for name, value in claims.items()}
            return whole(sign(taken.put(protected={**taken.parts["protected"], "15": named}), key))
        return whole(sign(taken.put(payload={**taken.parts["payload"], **claims}), key))

    now, skew = at(house.now), int(house.policy.clock_skew.total_seconds())
    verifier.verify_credential(claimed(exp=now + 1, nbf=now - 1), at=house.now)
    with refused("credential_expired", Check.VALIDITY):
        verifier.verify_credential(claimed(exp=now - skew), at=house.now)
    with refused("credential_not_yet_valid", Check.VALIDITY):
        verifier.verify_credential(claimed(nbf=now + skew + 1), at=house.now)


def test_a_presentation_that_has_not_begun(house: Gatehouse) -> None:
    verifier, device = house.verifier(), house.device(DEVICE)
    held = (house.issuer.issue_as(Format.VC_JWT, DEVICE.short), Format.VC_JWT)
    skew = int(house.policy.clock_skew.total_seconds())

    def begin(seconds: int) -> None:
        challenge = verifier.challenge(at=house.now)
        taken = take(
            house.present_as(Format.VC_JWT, device, held, challenge=challenge), Format.VC_JWT
        )
        payload = {**taken.parts["payload"], "nbf": at(house.now) + seconds}
        answer = whole(sign(taken.put(payload=payload), DEVICE.key))
        verifier.verify(answer, challenge=challenge, at=house.now)

    with refused("presentation_not_yet_valid", Check.PRESENTATION_SIGNATURE):
        begin(skew + 1)
    begin(skew)


def test_over_http(house: Gatehouse) -> None:
    device, verifier = house.device(DEVICE), house.verifier()
    app = create_app(house.verifier(), now=lambda: house.now)
    named = {format_: media_type(format_, PRESENTATION) for format_ in ALL}
    with serving(app) as url, httpx.Client(base_url=url) as http:

        def show(format_: Format, content_type: str | None) -> httpx.Response:
            held = (house.issuer.issue_as(format_, DEVICE.short), format_)
            challenge = verifier.challenge(at=house.now)
            answer = house.present_as(format_, device, held, challenge=challenge)
            headers = {} if content_type is None else {"content-type": content_type}
            return http.post("/v1/presentations", content=answer, headers=headers)

        for format_, own in named.items():
            for told in (own, f"{own.upper()}; charset=utf-8", "application/octet-stream", None):
                said = show(format_, told)
                assert said.status_code == 200, said.text
                assert said.json()["device"]["did"] == DEVICE.short.text
            for other in set(named.values()) - {own}:
                said = show(format_, other)
                assert (said.status_code, said.json()["step"]) == (400, "1 format")


def test_on_the_command_line(tmp_path: Path) -> None:
    with street(tmp_path) as outside:
        for format_ in ALL:
            verify_as_a_command(outside, tmp_path, format_)


def verify_as_a_command(outside: Street, place: Path, format_: Format) -> None:
    credential = outside.house.issuer.issue_as(format_, DEVICE.short)
    (place / "credential").write_bytes(credential)
    challenge = outside.house.verifier(audience=AUDIENCE).challenge(at=outside.house.now)
    (place / "challenge").write_bytes(canonicalize(challenge.to_json()))
    held = (credential, format_)
    answer = outside.house.present_as(format_, outside.device, held, challenge=challenge)
    # As a shell or an editor leaves it; a COSE message has no line to end.
    (place / "answer").write_bytes(answer + (b"" if format_ is Format.VC_COSE else b"\n"))
    for words, verdict in (
        (["credential"], "accepted: the credential is to be believed"),
        (["answer", "--challenge", str(place / "challenge")], f"accepted: {DEVICE.short.text}"),
    ):
        command = ["verify", str(place / words[0]), *words[1:], "--trust", str(outside.trust)]
        result = CliRunner().invoke(cli, command)
        assert result.exit_code == 0, result.stderr
        assert f"format {format_.value}, credentials 1" in result.stdout
        assert verdict in result.stdout
