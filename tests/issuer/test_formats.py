"""Each credential in each format, from one claim, over HTTP."""

from dataclasses import replace

import pytest
from actors import DEVICE, actor
from issuing import SECRETS, TERMS, World
from oauth import refusal

from did.configurations import CONFIGURATIONS, in_each_format
from did.jose import EncryptionKey
from did.multibase import base64url_decode
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.strict_json import parse_object
from did.vc.formats import Format, read_credential
from issuer import claims

REPLY_TO = EncryptionKey(bytes(range(32)), "reply")
EACH = [each.id for each in in_each_format(PROVISIONING_CONFIGURATION)]


def secured(value: object, format_: Format) -> bytes:
    """The credential that stands in an answer, as the bytes of its format."""
    if format_ is Format.LDP_VC:
        assert isinstance(value, dict)
        from did.jcs import canonicalize  # noqa: PLC0415

        return canonicalize(value)
    assert isinstance(value, str)
    return base64url_decode(value) if format_ is Format.VC_COSE else value.encode("ascii")


@pytest.mark.parametrize("id_", EACH)
def test_the_same_credential_in_each_format(standing: World, id_: str) -> None:
    holder, claim = actor(f"in {id_}"), standing.claim()
    token = standing.token(claim)
    answer = standing.ask(token, standing.proof(holder), configuration=id_)
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["credentials"]
    format_ = CONFIGURATIONS[id_].format
    data = secured(entry["credential"], format_)
    credential = read_credential(data, format_)
    assert credential.types == ("VerifiableCredential", "DeviceProvisioningCredential")
    assert credential.subject == {
        "id": holder.short.text,
        "logId": standing.ledger.log_id.hex(),
        "model": "thermo-2",
        "owner": "plant-7",
        "roles": ["sensor"],
    }
    assert credential.issuer == standing.issuer.identity.did
    assert credential.valid_from == standing.clock()
    assert [entry.purpose for entry in credential.statuses][:2] == ["revocation", "suspension"]
    credential.proof.verify(standing.issuer.identity.key)
    again = standing.ask(token, standing.proof(holder), configuration=id_)
    assert again.content == answer.content


def test_one_claim_gives_all_of_them_and_is_complete_with_one_of_each_kind(world: World) -> None:
    claim = world.claim()
    token = world.token(claim)
    ids = set()
    for id_ in EACH:
        answer = world.ask(token, world.proof(DEVICE), configuration=id_)
        format_ = CONFIGURATIONS[id_].format
        data = secured(answer.json()["credentials"][0]["credential"], format_)
        ids.add(read_credential(data, format_).id)
        assert claims.show(world.issuer.engine, claim.id).completed is not None
    assert len(ids) == len(EACH)  # each is a credential of its own, with a status of its own


@pytest.mark.parametrize("id_", [each.id for each in in_each_format(CONFIGURATION_CONFIGURATION)])
def test_the_configuration_travels_encrypted_in_each_format(standing: World, id_: str) -> None:
    claim = standing.claim(replace(TERMS, configuration=SECRETS))
    holder, token = actor(f"configured in {id_}"), standing.token(claim)
    clear = standing.ask(token, standing.proof(holder), configuration=id_)
    assert refusal(clear) == ("invalid_encryption_parameters", "encryption_required")
    answer = standing.ask_sealed(
        token, standing.proof(holder), reply_to=REPLY_TO, credential_configuration_id=id_
    )
    body = parse_object(REPLY_TO.decrypt(answer.text), max_depth=20)
    (entry,) = body["credentials"]  # type: ignore[misc, union-attr] # a list of one
    format_ = CONFIGURATIONS[id_].format
    credential = read_credential(secured(entry["credential"], format_), format_)  # type: ignore[call-overload, index] # an object
    assert credential.subject["configuration"] == SECRETS


def test_a_format_is_not_granted_that_is_not_on_offer(standing: World) -> None:
    token, proof = standing.token(standing.claim()), standing.proof(actor("without"))
    for id_ in (each.id for each in in_each_format(CONFIGURATION_CONFIGURATION)):
        asked = standing.ask_sealed(
            token, proof, reply_to=REPLY_TO, credential_configuration_id=id_
        )
        assert refusal(asked) == ("credential_request_denied", "not_offered")
    assert standing.ask(token, proof).status_code == 200
