"""Where everything is, as data: for people, and as a manifest of the W3C's test suites.

``w3c/vc-test-suite-implementations`` has one JSON file for each implementation, of this form; the
suites find endpoints in it by their tags.
"""

from collections.abc import Sequence
from typing import Final

from did.identifier import Did
from did.jcs import Json, JsonObject
from did.vc.data_integrity import CRYPTOSUITE
from did.vc.proof_set import RDFC_CRYPTOSUITE
from did.vc.securing import Format
from did.vc.status_list import ENTRY_TYPE, REVOCATION

ISSUER: Final = "/issuer"
VERIFIER: Final = "/verifier"
RESOLVER: Final = "/1.0/identifiers"

_VERIFIER_TAGS: Final = (
    "vc-api",
    "vc2.0",
    CRYPTOSUITE,
    RDFC_CRYPTOSUITE,
    "BitstringStatusList",
    "EnvelopingProof",
)

# What is posted as ``options`` to have a credential secured in each way, the suites' tags, and the
# versions of the data model; these envelopes hold 2.0 alone.
OPTIONS: Final[Sequence[tuple[str, JsonObject, Sequence[str], Sequence[str]]]] = (
    (
        "eddsa-jcs-2022",
        {"cryptosuite": CRYPTOSUITE},
        ("vc-api", "vc2.0", CRYPTOSUITE),
        ("1.1", "2.0"),
    ),
    (
        "bitstring-status-list",
        {
            "cryptosuite": CRYPTOSUITE,
            "credentialStatus": {"type": ENTRY_TYPE, "statusPurpose": REVOCATION},
        },
        ("BitstringStatusList",),
        ("1.1", "2.0"),
    ),
    (
        "vc+jwt",
        {"format": Format.VC_JWT.value},
        ("EnvelopingProof", "vc-jose-cose", "vc+jwt"),
        ("2.0",),
    ),
    ("vc+cose", {"format": Format.VC_COSE.value}, ("vc-jose-cose", "vc+cose"), ("2.0",)),
)


def endpoints(url: str, did: Did) -> JsonObject:
    """The endpoints of the instance at ``url``, whose issuer is ``did``."""
    options: dict[str, Json] = {name: given for name, given, *_ in OPTIONS}
    return {
        "issuer": f"{url}{ISSUER}/credentials/issue",
        "status": f"{url}{ISSUER}/credentials/status",
        "verifier": f"{url}{VERIFIER}/credentials/verify",
        "presentations": f"{url}{VERIFIER}/presentations/verify",
        "resolver": f"{url}{RESOLVER}",
        "did": did.text,
        "options": options,
    }


def manifest(url: str, did: Did) -> JsonObject:
    """The same as a manifest."""
    found = endpoints(url, did)
    verifier: JsonObject = {"id": did.text, "tags": list(_VERIFIER_TAGS)}
    supports: JsonObject = {"vc": ["1.1", "2.0"]}
    return {
        "name": "Keyborn",
        "implementation": "Keyborn",
        "only": True,  # or what is registered with the suites would be asked beside it
        "issuers": [
            {
                "id": did.text,
                "endpoint": found["issuer"],
                "options": options,
                "supports": {"vc": list(versions)},
                "tags": list(tags),
            }
            for _, options, tags, versions in OPTIONS
        ],
        "verifiers": [{**verifier, "endpoint": found["verifier"], "supports": supports}],
        "vpVerifiers": [{**verifier, "endpoint": found["presentations"], "supports": supports}],
        "setStatusLists": [
            {"id": did.text, "endpoint": found["status"], "tags": ["BitstringStatusList"]}
        ],
        "didResolvers": [
            {"id": did.text, "endpoint": found["resolver"], "tags": ["did-key", "Did-Key"]}
        ],
    }
