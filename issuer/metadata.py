"""What the issuer says of itself to wallets and devices (OpenID4VCI 1.0, section 12; RFC 8414)."""

from urllib.parse import urlsplit

from did.jcs import JsonObject
from did.jose import ALGORITHMS, CONTENT_ENCRYPTION, KEY_AGREEMENT, EncryptionKey
from did.openid4vci import (
    CONFIGURATION_CONFIGURATION,
    FORMAT,
    PRE_AUTHORIZED,
    PROVISIONING_CONFIGURATION,
)
from did.vc.credential import CONFIGURATION, CREDENTIALS_CONTEXT, PROVISIONING, TERMS
from did.vc.data_integrity import CRYPTOSUITE


def base_path(url: str) -> str:
    """The path of the issuer's URL: empty, or beginning with a slash."""
    return urlsplit(url).path


def well_known(name: str, url: str) -> str:
    """The path of a well-known document: its name goes between host and path (section 12.2.2)."""
    return f"/.well-known/{name}{base_path(url)}"


def credential_issuer(url: str, key: EncryptionKey) -> JsonObject:
    """The Credential Issuer Metadata (section 12.2.4)."""
    return {
        "credential_issuer": url,
        "credential_endpoint": f"{url}/credential",
        "nonce_endpoint": f"{url}/nonce",
        "credential_request_encryption": {
            "jwks": {"keys": [key.public_jwk()]},
            "enc_values_supported": [CONTENT_ENCRYPTION],
            "encryption_required": False,
        },
        "credential_response_encryption": {
            "alg_values_supported": [KEY_AGREEMENT],
            "enc_values_supported": [CONTENT_ENCRYPTION],
            "encryption_required": False,
        },
        "credential_configurations_supported": {
            PROVISIONING_CONFIGURATION: _configuration(
                PROVISIONING, "Device provisioning", "Who the device is: it presents this."
            ),
            CONFIGURATION_CONFIGURATION: _configuration(
                CONFIGURATION,
                "Device configuration",
                "How the device connects: for itself alone, and sent encrypted alone.",
            ),
        },
    }


def authorization_server(url: str) -> JsonObject:
    """The OAuth 2.0 Authorization Server Metadata (section 12.3; RFC 8414, section 2).

    There is no authorization endpoint, so there are no response types; OpenID4VCI 1.0 allows
    leaving them out.
    """
    return {
        "issuer": url,
        "token_endpoint": f"{url}/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": [PRE_AUTHORIZED],
        "pre-authorized_grant_anonymous_access_supported": True,
    }


def _configuration(kind: str, name: str, description: str) -> JsonObject:
    return {
        "format": FORMAT,
        "cryptographic_binding_methods_supported": ["did:keyborn"],
        "credential_signing_alg_values_supported": [CRYPTOSUITE],
        "proof_types_supported": {
            "jwt": {"proof_signing_alg_values_supported": list(ALGORITHMS)},
        },
        "credential_definition": {
            "@context": [CREDENTIALS_CONTEXT, TERMS],
            "type": ["VerifiableCredential", kind],
        },
        "credential_metadata": {
            "display": [{"name": name, "locale": "en", "description": description}],
        },
    }
