"""What the issuer says of itself to wallets and devices (OpenID4VCI 1.0, section 12; RFC 8414)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from did import cose
from did.configurations import CONFIGURATIONS, CredentialConfiguration
from did.jcs import Json, JsonObject
from did.jose import ALGORITHMS, CONTENT_ENCRYPTION, KEY_AGREEMENT, EncryptionKey
from did.openid4vci import (
    CONFIGURATION_CONFIGURATION,
    PRE_AUTHORIZED,
    PROVISIONING_CONFIGURATION,
)
from did.possession import PROOF_TYPES
from did.vc.credential import CREDENTIALS_CONTEXT, TERMS
from did.vc.data_integrity import CRYPTOSUITE
from did.vc.securing import Format
from issuer.requests import BATCH_SIZE

_ENGLISH: Final = "en"
# What each kind of credential is called, and what it says: the path of each claim, whether it is
# always there, and its name.
_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        PROVISIONING_CONFIGURATION: (
            "Device provisioning",
            "Who the device is: it presents this.",
        ),
        CONFIGURATION_CONFIGURATION: (
            "Device configuration",
            "How the device connects: for itself alone, and sent encrypted alone.",
        ),
    }
)
_CLAIMS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        PROVISIONING_CONFIGURATION: {
            "id": "DID",
            "logId": "Log",
            "model": "Model",
            "owner": "Owner",
            "roles": "Roles",
        },
        CONFIGURATION_CONFIGURATION: {
            "id": "DID",
            "logId": "Log",
            "configuration": "Configuration",
        },
    }
)
_SIGNED_WITH: Final[Mapping[Format, tuple[Json, ...]]] = MappingProxyType(
    {
        Format.LDP_VC: (CRYPTOSUITE,),
        Format.VC_JWT: (ALGORITHMS[0],),
        Format.VC_COSE: (cose.ALGORITHMS[0],),
        Format.JWT_VC_JSON: (ALGORITHMS[0],),
    }
)


def base_path(url: str) -> str:
    """The path of the issuer's URL: empty, or beginning with a slash."""
    return urlsplit(url).path


def well_known(name: str, url: str) -> str:
    """The path of a well-known document: its name goes between host and path (section 12.2.2)."""
    return f"/.well-known/{name}{base_path(url)}"


def credential_issuer(url: str, key: EncryptionKey) -> JsonObject:
    """The Credential Issuer Metadata (section 12.2.4), in the one language that there is."""
    return {
        "credential_issuer": url,
        "credential_endpoint": f"{url}/credential",
        "nonce_endpoint": f"{url}/nonce",
        "deferred_credential_endpoint": f"{url}/deferred_credential",
        "notification_endpoint": f"{url}/notification",
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
        "batch_credential_issuance": {"batch_size": BATCH_SIZE},
        "display": [{"name": "Keyborn issuer", "locale": _ENGLISH}],
        "credential_configurations_supported": {
            id_: _configuration(configuration) for id_, configuration in CONFIGURATIONS.items()
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
        "authorization_details_types_supported": ["openid_credential"],
        "pre-authorized_grant_anonymous_access_supported": True,
    }


def _configuration(configuration: CredentialConfiguration) -> JsonObject:
    format_ = configuration.format
    definition: JsonObject = {"type": ["VerifiableCredential", configuration.type]}
    if format_ is not Format.JWT_VC_JSON:  # whose profile has none (appendix A.1.1.2)
        definition = {"@context": [CREDENTIALS_CONTEXT, TERMS], **definition}
    name, description = _NAMES[configuration.kind]
    return {
        "format": format_.value,
        "cryptographic_binding_methods_supported": ["did:keyborn"],
        "credential_signing_alg_values_supported": list(_SIGNED_WITH[format_]),
        "proof_types_supported": {
            proof_type: {"proof_signing_alg_values_supported": _list(algorithms)}
            for proof_type, algorithms in PROOF_TYPES.items()
        },
        "credential_definition": definition,
        "credential_metadata": {
            "display": [{"name": name, "locale": _ENGLISH, "description": description}],
            "claims": [
                {
                    "path": ["credentialSubject", claim],
                    "mandatory": True,
                    "display": [{"name": shown, "locale": _ENGLISH}],
                }
                for claim, shown in _CLAIMS[configuration.kind].items()
            ],
        },
    }


def _list(values: Sequence[str]) -> list[Json]:
    return list(values)
