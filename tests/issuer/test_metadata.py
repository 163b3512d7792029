from collections.abc import Iterator

import pytest
from actors import DEVICE, ISSUER, NOW

from did.configurations import CONFIGURATIONS
from did.errors import Invalid
from did.jcs import Json
from did.jose import EncryptionKey
from did.openid4vci import PROVISIONING_CONFIGURATION
from did.vc.credential import build_credential
from issuer.credentials import subject_of
from issuer.metadata import authorization_server, base_path, credential_issuer, well_known
from issuer.requests import BATCH_SIZE
from issuer.service import check_url
from issuer.terms import Terms

URL = "https://issuer.example/tenant"
KEY = EncryptionKey(bytes(range(32)), "kid")


def test_well_known_names_go_between_host_and_path() -> None:
    name = "openid-credential-issuer"
    assert well_known(name, URL) == "/.well-known/openid-credential-issuer/tenant"
    assert well_known(name, "https://issuer.example") == "/.well-known/openid-credential-issuer"
    assert base_path(URL) == "/tenant"


def test_credential_issuer() -> None:
    told = credential_issuer(URL, KEY)
    assert told["credential_issuer"] == URL
    assert told["credential_endpoint"] == f"{URL}/credential"
    assert told["nonce_endpoint"] == f"{URL}/nonce"
    assert told["credential_request_encryption"] == {
        "jwks": {"keys": [KEY.public_jwk()]},
        "enc_values_supported": ["A256GCM"],
        "encryption_required": False,
    }
    assert told["credential_response_encryption"] == {
        "alg_values_supported": ["ECDH-ES"],
        "enc_values_supported": ["A256GCM"],
        "encryption_required": False,
    }
    configurations = told["credential_configurations_supported"]
    assert isinstance(configurations, dict)
    assert list(configurations) == list(CONFIGURATIONS)
    assert told["deferred_credential_endpoint"] == f"{URL}/deferred_credential"
    assert told["notification_endpoint"] == f"{URL}/notification"
    assert told["batch_credential_issuance"] == {"batch_size": BATCH_SIZE}
    provisioning = configurations[PROVISIONING_CONFIGURATION]
    assert isinstance(provisioning, dict)
    assert provisioning["format"] == "ldp_vc"
    assert provisioning["cryptographic_binding_methods_supported"] == ["did:keyborn"]
    assert provisioning["credential_signing_alg_values_supported"] == ["eddsa-jcs-2022"]
    assert provisioning["proof_types_supported"] == {
        "jwt": {"proof_signing_alg_values_supported": ["EdDSA", "Ed25519"]},
        "di_vp": {"proof_signing_alg_values_supported": ["eddsa-jcs-2022"]},
    }


def test_the_definition_is_what_the_credential_has() -> None:
    configurations = credential_issuer(URL, KEY)["credential_configurations_supported"]
    assert isinstance(configurations, dict)
    for configuration in configurations.values():
        assert isinstance(configuration, dict)
        definition = configuration["credential_definition"]
        assert isinstance(definition, dict)
        assert isinstance(definition["type"], list)
        made = build_credential(
            str(definition["type"][1]), issuer=ISSUER.did, subject={}, valid_from=NOW
        )
        assert definition.get("@context", made["@context"]) == made["@context"]
        assert made["type"] == definition["type"]


def test_authorization_server() -> None:
    assert authorization_server(URL) == {
        "issuer": URL,
        "token_endpoint": f"{URL}/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:pre-authorized_code"],
        "authorization_details_types_supported": ["openid_credential"],
        "pre-authorized_grant_anonymous_access_supported": True,
    }


@pytest.mark.parametrize(
    "url",
    [
        "issuer.example",
        "ftp://issuer.example",
        "https://",
        "https://issuer.example/",
        "https://issuer.example/tenant/",
        "https://issuer.example?tenant=1",
        "https://issuer.example?",
        "https://issuer.example#tenant",
        "https://user@issuer.example",
        "https://bücher.example",
    ],
)
def test_urls_that_cannot_name_an_issuer(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_url(url)
    assert caught.value.code == "invalid_issuer_url"
    check_url(URL)


def test_each_configuration_in_each_format() -> None:
    configurations = credential_issuer(URL, KEY)["credential_configurations_supported"]
    assert isinstance(configurations, dict)
    for id_, configuration in configurations.items():
        assert isinstance(configuration, dict)
        assert configuration["format"] == CONFIGURATIONS[id_].format
        assert configuration["cryptographic_binding_methods_supported"] == ["did:keyborn"]
        assert configuration["credential_signing_alg_values_supported"]
    jwt_vc = configurations["device-provisioning-jwt-vc-json"]
    assert isinstance(jwt_vc, dict)
    assert jwt_vc["credential_definition"] == {
        "type": ["VerifiableCredential", "DeviceProvisioningCredential"]
    }


def test_the_claims_described_are_those_of_the_credential() -> None:
    """Each path leads somewhere (appendix C), and nothing in the subject is left undescribed."""
    terms = Terms(model="m", owner="o", roles=("r",), configuration={"port": 1})
    configurations = credential_issuer(URL, KEY)["credential_configurations_supported"]
    assert isinstance(configurations, dict)
    for id_, configuration in configurations.items():
        assert isinstance(configuration, dict)
        described = configuration["credential_metadata"]
        assert isinstance(described, dict)
        subject = subject_of(CONFIGURATIONS[id_].kind, DEVICE.did, bytes(32), terms)
        assert [claim["path"] for claim in described["claims"]] == [  # type: ignore[call-overload, index, union-attr] # a list of objects
            ["credentialSubject", name] for name in subject
        ]


def test_what_is_shown_has_one_entry_for_each_language() -> None:
    def displays(value: Json) -> Iterator[list[Json]]:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name == "display":
                    assert isinstance(inner, list)
                    yield inner
                else:
                    yield from displays(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from displays(inner)

    found = list(displays(credential_issuer(URL, KEY)))
    assert len(found) > 10
    for display in found:
        assert [each["locale"] for each in display] == ["en"]  # type: ignore[call-overload, index] # objects
