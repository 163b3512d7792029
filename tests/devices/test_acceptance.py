from datetime import timedelta

import pytest
from actors import DEVICE, ISSUER, LOG_ID, NOW, OTHER_LOG_ID, STRANGER, actor
from formats import unsecured
from scripted_issuer import KnownLog, credential

from devices.acceptance import CLOCK_SKEW, accept
from did.errors import Invalid, KeybornError, Refused, Undecided
from did.identifier import Did
from did.jcs import JsonObject
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.resolution import Resolution, Resolver
from did.vc.credential import Credential, build_credential, sign_credential
from did.vc.formats import Format, as_json, secure_credential


def _accept(
    document: JsonObject,
    *,
    configuration: str = PROVISIONING_CONFIGURATION,
    resolver: Resolver | None = None,
    issuer: str | None = None,
) -> Credential:
    return accept(
        document,
        configuration=configuration,
        holder=DEVICE.did,
        log_id=LOG_ID,
        resolver=resolver or KnownLog(ISSUER),
        issuer=issuer,
        at=NOW,
    )


def _refused(document: JsonObject, **options: object) -> KeybornError:
    with pytest.raises(KeybornError) as caught:
        _accept(document, **options)  # type: ignore[arg-type] # passed through
    assert caught.value.step == "check the credential"
    return caught.value


@pytest.mark.parametrize("configuration", [PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION])
def test_what_the_issuer_promised_is_accepted(configuration: str) -> None:
    document = credential(DEVICE.did, configuration, at=NOW)
    accepted = _accept(document, configuration=configuration, issuer=ISSUER.short.text)
    assert accepted.document == document
    assert accepted.issuer == ISSUER.short


def test_what_is_no_credential_is_refused() -> None:
    error = _refused({"hello": "world"})
    assert isinstance(error, Invalid)
    assert error.code == "invalid_credential"


def test_another_type_than_asked_for_is_refused() -> None:
    document = credential(DEVICE.did, CONFIGURATION_CONFIGURATION, at=NOW)
    assert _refused(document).code == "wrong_type"


def test_another_format_than_asked_for_is_refused() -> None:
    """What is enveloped is a JSON object too, as a credential with its proof in it is."""
    held = (unsecured(), ISSUER.key)
    sealed = secure_credential(*held, issuer=ISSUER.did, created=NOW, format=Format.VC_JWT)
    enveloped = as_json(sealed, Format.VC_JWT)
    assert _refused(enveloped).code == "wrong_format"
    accepted = _accept(enveloped, configuration="device-provisioning-vc-jwt")
    assert accepted.format is Format.VC_JWT


def test_another_devices_credential_is_refused() -> None:
    error = _refused(credential(STRANGER.did, at=NOW))
    assert isinstance(error, Refused)
    assert error.code == "holder_not_subject"


@pytest.mark.parametrize("log_id", [OTHER_LOG_ID, None])
def test_a_credential_of_another_log_or_none_is_refused(log_id: bytes | None) -> None:
    assert _refused(credential(DEVICE.did, at=NOW, log_id=log_id)).code == "wrong_log"


def test_time_is_checked_with_tolerance_for_the_clock() -> None:
    _accept(credential(DEVICE.did, at=NOW + CLOCK_SKEW))
    early = credential(DEVICE.did, at=NOW + CLOCK_SKEW + timedelta(seconds=1))
    assert _refused(early).code == "credential_not_yet_valid"


def test_what_is_over_is_refused() -> None:
    began = NOW - timedelta(days=1)
    _accept(credential(DEVICE.did, at=began, until=NOW + timedelta(seconds=1)))
    assert _refused(credential(DEVICE.did, at=began, until=NOW)).code == "credential_expired"


def test_a_credential_without_validity_is_refused() -> None:
    document = build_credential(
        "DeviceProvisioningCredential",
        issuer=ISSUER.did,
        subject={"id": DEVICE.short.text, "logId": LOG_ID.hex()},
        valid_from=NOW,
    )
    del document["validFrom"]
    signed = sign_credential(document, ISSUER.key, issuer=ISSUER.did, created=NOW)
    assert _refused(signed).code == "invalid_credential"


def test_the_credentials_of_a_claim_come_from_one_issuer() -> None:
    error = _refused(credential(DEVICE.did, at=NOW), issuer=STRANGER.short.text)
    assert error.code == "wrong_issuer"


def test_an_issuer_that_is_not_on_the_log_is_refused() -> None:
    error = _refused(credential(DEVICE.did, at=NOW), resolver=KnownLog())
    assert error.code == "issuer_not_registered"


def test_an_altered_credential_is_refused() -> None:
    document = credential(DEVICE.did, at=NOW, model="thermometer")
    subject = document["credentialSubject"]
    assert isinstance(subject, dict)
    error = _refused({**document, "credentialSubject": {**subject, "model": "boiler"}})
    assert error.code == "invalid_signature"


def test_a_key_that_never_was_the_issuers_is_refused() -> None:
    impostor = actor("issuer's impostor")
    log = KnownLog()
    log.add(ISSUER.did.id, impostor.key.public_key().raw)
    assert _refused(credential(DEVICE.did, at=NOW), resolver=log).code == (
        "unknown_verification_method"
    )


def test_a_repeated_answer_is_accepted_after_the_issuer_rotated() -> None:
    log = KnownLog(ISSUER)
    log.add(ISSUER.did.id, ISSUER.next_key.public_key().raw, since=NOW + timedelta(seconds=1))
    _accept(credential(DEVICE.did, at=NOW), resolver=log)


def test_the_issuers_former_key_is_refused_for_what_it_signs_later() -> None:
    log = KnownLog(ISSUER)
    log.add(ISSUER.did.id, ISSUER.next_key.public_key().raw, since=NOW)
    assert _refused(credential(DEVICE.did, at=NOW), resolver=log).code == "issuer_key_interval"


def test_a_deactivated_issuer_is_refused() -> None:
    log = KnownLog(ISSUER)
    log.add(ISSUER.did.id, None, since=NOW)
    assert _refused(credential(DEVICE.did, at=NOW), resolver=log).code == "issuer_deactivated"


def test_a_log_that_cannot_be_read_leaves_it_undecided() -> None:
    class Unreachable:
        def resolve(self, _did: Did, **_: object) -> Resolution:
            raise Undecided("ledger_unreachable", "the log cannot be read")

    error = _refused(credential(DEVICE.did, at=NOW), resolver=Unreachable())
    assert isinstance(error, Undecided)
