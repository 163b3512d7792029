import pytest
from actors import ISSUER, NOW

from did.errors import Invalid
from did.jose import EncryptionKey
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.vc.credential import build_credential
from issuer.metadata import authorization_server, base_path, credential_issuer, well_known
from issuer.service import check_url

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
    assert list(configurations) == [PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION]
    provisioning = configurations[PROVISIONING_CONFIGURATION]
    assert isinstance(provisioning, dict)
    assert provisioning["format"] == "ldp_vc"
    assert provisioning["cryptographic_binding_methods_supported"] == ["did:keyborn"]
    assert provisioning["credential_signing_alg_values_supported"] == ["eddsa-jcs-2022"]
    assert provisioning["proof_types_supported"] == {
        "jwt": {"proof_signing_alg_values_supported": ["EdDSA", "Ed25519"]}
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
        assert made["@context"] == definition["@context"]
        assert made["type"] == definition["type"]


def test_authorization_server() -> None:
    assert authorization_server(URL) == {
        "issuer": URL,
        "token_endpoint": f"{URL}/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:pre-authorized_code"],
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
