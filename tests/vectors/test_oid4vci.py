"""The examples of OpenID4VCI 1.0, each parsed and answered as its text says.

They are of other issuers, formats and flows than ours, so most of them are to be refused, with the
error that the specification has for that; changed to what we have, they are to succeed.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from actors import DEVICE, ISSUER, LOG_ID, actor
from issuing import URL, World, issuing
from oauth import error, refusal
from published import vectors
from scripted_issuer import KnownLog, scripted_issuer
from starlette.responses import Response

from devices.acceptance import accept
from devices.choosing import check_tx_code, choose
from devices.enrolment import _document
from devices.issuer_client import Issued, IssuerClient, _outcome
from devices.issuer_metadata import read_metadata
from did.configurations import CONFIGURATIONS
from did.errors import Invalid, KeybornError, Refused
from did.jose import EncryptionKey, encrypt_jwe, parse_jws
from did.openid4vci import TxCode, offer_from_json
from did.strict_json import parse_object
from issuer import metadata
from keyborn import clock
from keyborn.client import connect

EXAMPLES: Final = {
    example["name"]: example.get("json", example.get("text"))
    for example in vectors("oid4vci/examples-1_0.json")["examples"]
}
DETAILS: Final = [name for name in EXAMPLES if name.startswith("authorization_details")]
METADATA: Final = [name for name in EXAMPLES if name.startswith("credential_metadata")]
# By the example: what a device that asked for our nearest format says of the answer.
RESPONSES: Final = {
    "credential_response_jwt_vc_json.txt": ("device-provisioning-jwt-vc-json", "invalid_jwt"),
    "credential_response_ldp_vc.txt": ("device-provisioning", "invalid_proof"),
    "credential_response_mso_mdoc.txt": ("device-provisioning-vc-cose", "invalid_base64url"),
    "credential_response_sd_jwt_vc.txt": ("device-provisioning-vc-jwt", "invalid_jwt"),
}
OFFERS: Final = {
    "credential_offer_by_reference.json": TxCode(0),
    "credential_offer_multiple_credentials.json": TxCode(
        4, "Please provide the one-time code that was sent via e-mail"
    ),
    "credential_offer_pre-authz_code.json": TxCode(
        0, "Please provide the one-time code which was sent to your mobile phone via SMS"
    ),
}
KEY: Final = EncryptionKey(bytes(range(32)), "kid")
OTHERS: Final = {
    "credential_issuer_metadata_sd_jwt_jwt.txt",
    "credential_issuer_metadata_sd_jwt_long.json",
    "credential_offer_authz_code.txt",
    "credential_request_iso_mdl.json",
    "issuer_jwks.json",
    "wallet_attestation.jwt.txt",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with issuing(tmp_path_factory.mktemp("world")) as world:
        yield world


def unbroken(text: str) -> str:
    """``text`` without its line breaks, which the specification has for display alone."""
    return re.sub(r"\s*\n\s*", "", text)


def body(message: str) -> dict[str, Any]:
    """The JSON body of an HTTP message."""
    value: dict[str, Any] = json.loads(unbroken(message[message.index("{") :]))
    return value


def test_none_is_left_out() -> None:
    named = {*DETAILS, *METADATA, *RESPONSES, *OFFERS, *OTHERS}
    assert named == set(EXAMPLES)
    assert len(named) == len(DETAILS) + len(METADATA) + len(RESPONSES) + len(OFFERS) + len(OTHERS)
    assert len(named) == 24


@pytest.mark.parametrize("name", DETAILS)
def test_authorization_details(world: World, name: str) -> None:
    """Of configurations that are not on offer they are refused (RFC 9396, section 5)."""
    example = EXAMPLES[name]
    claim = world.claim()
    answer = world.redeem(claim, authorization_details=json.dumps(example))
    assert error(answer) == "invalid_authorization_details"
    ours = [{**each, "credential_configuration_id": "device-provisioning"} for each in example]
    if any("locations" in each for each in example):
        elsewhere = world.redeem(claim, authorization_details=json.dumps(ours))
        assert error(elsewhere) == "invalid_authorization_details"
        ours = [{**each, "locations": [URL]} for each in ours]
    answer = world.redeem(claim, authorization_details=json.dumps(ours))
    assert answer.status_code == 200
    (detail,) = answer.json()["authorization_details"]
    assert detail["type"] == "openid_credential"
    (identifier,) = detail["credential_identifiers"]
    token = answer.json()["access_token"]
    asked = {"configuration": None, "credential_identifier": identifier}
    assert world.ask_for(token, actor(name), **asked).status_code == 200


@pytest.mark.parametrize("name", METADATA)
def test_credential_metadata(name: str) -> None:
    """A device finds nothing of its own in it; what it has of a format of ours, ours has too."""
    (entry,) = EXAMPLES[name]["credential_configurations_supported"].values()
    issuer = metadata.credential_issuer(URL, KEY)
    server = metadata.authorization_server(URL)
    theirs = {**issuer, "credential_configurations_supported": {"device-provisioning": entry}}
    found = read_metadata(URL, theirs, server).configurations
    same_format = entry["format"] == CONFIGURATIONS["device-provisioning"].format
    assert set(found) == ({"device-provisioning"} if same_format else set())
    for mine in issuer["credential_configurations_supported"].values():  # type: ignore[union-attr] # an object
        if mine["format"] == entry["format"]:  # type: ignore[call-overload, index] # an object
            assert set(mine) >= entry.keys() - {"scope"}  # type: ignore[arg-type] # an object
            for part in ("credential_definition", "credential_metadata"):
                assert mine[part].keys() == entry[part].keys()  # type: ignore[call-overload, index, union-attr] # an object


@pytest.mark.parametrize("name", OFFERS)
def test_offers(name: str) -> None:
    example = EXAMPLES[name]
    offer = offer_from_json(example)
    assert offer.issuer == example["credential_issuer"]
    assert list(offer.configurations) == example["credential_configuration_ids"]
    assert offer.tx_code == OFFERS[name]
    with pytest.raises(Invalid) as caught:
        check_tx_code(offer, None)  # even an empty tx_code means that one is needed
    assert caught.value.code == "tx_code_needed"
    assert (offer.tx_code.description or "digits") in str(caught.value.hint)
    with pytest.raises(Invalid) as caught:
        choose(offer, None)
    assert caught.value.code == "nothing_on_offer"
    ours = {**example, "credential_configuration_ids": ["device-provisioning"]}
    assert choose(offer_from_json(ours), None) == ("device-provisioning",)


def test_an_offer_for_the_authorization_code_flow() -> None:
    offer = body(EXAMPLES["credential_offer_authz_code.txt"])
    with pytest.raises(Invalid) as caught:
        offer_from_json(offer)
    assert caught.value.code == "invalid_offer"
    assert "pre-authorized" in caught.value.message
    (grant,) = EXAMPLES["credential_offer_pre-authz_code.json"]["grants"].items()
    both = {**offer, "grants": dict([*offer["grants"].items(), grant])}
    assert offer_from_json(both).code == grant[1]["pre-authorized_code"]


def test_a_request_for_another_format(world: World) -> None:
    """It names no configuration, as drafts had it: a required parameter is missing."""
    token, example = world.token(world.claim()), EXAMPLES["credential_request_iso_mdl.json"]
    answer = world.post("/credential", token, example)
    assert refusal(answer) == ("invalid_credential_request", "configuration_missing")
    named = {**example, "credential_configuration_id": example["doctype"]}
    answer = world.post("/credential", token, named)
    assert error(answer) == "unknown_credential_configuration"
    named["credential_configuration_id"] = "device-provisioning"
    assert error(world.post("/credential", token, named)) == "invalid_proof"
    named["proofs"] = {"jwt": [world.proof(DEVICE)]}  # its format and doctype are not understood
    assert world.post("/credential", token, named).status_code == 200


@pytest.mark.parametrize("name", RESPONSES)
def test_responses(name: str) -> None:
    """Each is read as a response; what it holds is not of an issuer, or algorithm, of ours."""
    configuration, code = RESPONSES[name]
    outcome = _outcome(parse_object(json.dumps(body(EXAMPLES[name])).encode()))
    assert isinstance(outcome, Issued)
    assert outcome.notification is None
    given = {
        "configuration": configuration,
        "holder": DEVICE.did,
        "log_id": LOG_ID,
        "resolver": KnownLog(ISSUER),
        "issuer": None,
        "at": clock.now(),
    }
    with pytest.raises(KeybornError) as caught:
        accept(_document(outcome.credential, CONFIGURATIONS[configuration].format), **given)  # type: ignore[arg-type] # as they are
    assert caught.value.code == code


def test_metadata_of_an_issuer_with_another_authorization_server() -> None:
    example = EXAMPLES["credential_issuer_metadata_sd_jwt_long.json"]
    name = example["credential_issuer"]
    server = {"issuer": name, "token_endpoint": f"{name}/token"}
    with pytest.raises(Invalid) as caught:
        read_metadata(name, example, server)
    assert caught.value.code == "invalid_issuer_metadata"
    alone = {key: value for key, value in example.items() if key != "authorization_servers"}
    with pytest.raises(Refused) as refused:  # it requires encryption, to a P-256 key
        read_metadata(name, alone, server)
    assert refused.value.code == "encryption_not_supported"
    for which in ("credential_request_encryption", "credential_response_encryption"):
        alone[which] = {**alone[which], "encryption_required": False}
    read = read_metadata(name, alone, server)
    assert read.credential_endpoint == example["credential_endpoint"]
    assert read.deferred_endpoint == example["deferred_credential_endpoint"]
    assert read.notification_endpoint == example["notification_endpoint"]
    assert read.nonce_endpoint == example["nonce_endpoint"]
    assert (dict(read.configurations), read.encryption) == ({}, None)  # no format of ours


def test_signed_metadata_is_not_taken_for_metadata() -> None:
    """No trust in its signer can be established, so it is rejected (section 12.2.3)."""
    signed = EXAMPLES["credential_issuer_metadata_sd_jwt_jwt.txt"]
    token = "".join(signed.split())
    with pytest.raises(Invalid):
        parse_jws(token, typ="openidvci-issuer-metadata+jwt")
    with scripted_issuer() as issuer, connect(issuer.url) as http:
        client = IssuerClient(issuer.url, http)
        path = "/.well-known/openid-credential-issuer"
        issuer.answers[path] = [Response(token, media_type="application/jwt"), None]
        with pytest.raises(Invalid) as caught:
            client.metadata()
        assert caught.value.code == "invalid_answer"
        assert client.metadata().configurations


def test_the_keys_of_an_issuer_that_is_named_by_a_url() -> None:
    """They are no keys of ours: neither to encrypt to, nor to verify by."""
    (key,) = json.loads(unbroken(EXAMPLES["issuer_jwks.json"]))["jwks"]["keys"]
    with pytest.raises(Invalid) as caught:
        encrypt_jwe(b"", key)
    assert caught.value.code == "invalid_encryption_key"


def test_wallet_attestations(world: World) -> None:
    """They are no way to authenticate here, and are ignored; nor are they a proof of possession."""
    attestation = "".join(EXAMPLES["wallet_attestation.jwt.txt"].split())
    claim = world.claim()
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
        "pre-authorized_code": claim.offer.code,
    }
    headers = {"OAuth-Client-Attestation": attestation, "OAuth-Client-Attestation-PoP": "a.b.c"}
    answer = world.http.post("/token", data=form, headers=headers)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    attested = world.ask(token, "", proofs={"attestation": [attestation]})
    assert refusal(attested) == ("invalid_proof", "proof_missing")
    assert error(world.ask(token, attestation)) == "invalid_proof"
    assert world.ask(token, world.proof(actor("attested"))).status_code == 200
