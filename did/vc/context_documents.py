"""The published contexts as JSON-LD context documents, for what is secured as RDF.

``did.vc.published_contexts`` says which terms each defines, and where; here is what each stands
for. Held against the published files by ``tests/vectors/test_contexts.py``; nothing is loaded. Of
VC 1.1, the signature suites of its time are left out: what uses them has no ``eddsa-rdfc-2022``
proof.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from did.jcs import Json, JsonObject
from did.vc.published_contexts import DATA_INTEGRITY, EXAMPLES, UNDEFINED_TERMS, V1, V2

_CREDENTIALS: Final = "https://www.w3.org/2018/credentials#"
_SECURITY: Final = "https://w3id.org/security#"
_STATUS: Final = "https://www.w3.org/ns/credentials/status#"
_SCHEMA_ORG: Final = "https://schema.org/"
_JWT: Final = "https://www.iana.org/assignments/jwt#"
_JOSE: Final = "https://www.iana.org/assignments/jose#"
_XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_XSD_HTTPS: Final = "https://www.w3.org/2001/XMLSchema#"  # as the base context of 2.0 has it
_MULTIBASE: Final = f"{_SECURITY}multibase"
_TIME: Final = f"{_XSD}dateTime"


def _term(url: str, type_: str | None = None, *, graph: bool = False) -> JsonObject:
    definition: JsonObject = {"@id": url}
    if type_ is not None:
        definition["@type"] = type_
    if graph:
        definition["@container"] = "@graph"
    return definition


def _terms(prefix: str, names: str, type_: str | None = None) -> JsonObject:
    return {name: _term(prefix + name, type_) for name in names.split()}


def _context(*parts: JsonObject) -> JsonObject:
    """A protected context of ``parts``, with the names of 2.0 for JSON-LD's keywords."""
    whole: JsonObject = {"@protected": True, "id": "@id", "type": "@type"}
    for part in parts:
        whole.update(part)
    return whole


def _scoped(term: Json, *parts: JsonObject) -> JsonObject:
    assert isinstance(term, dict)
    return {**term, "@context": _context(*parts)}


_PURPOSES: Final = _scoped(
    _term(f"{_SECURITY}proofPurpose", "@vocab"),
    {
        name: {"@id": f"{_SECURITY}{name}{method}", "@type": "@id", "@container": "@set"}
        for name, method in (
            ("assertionMethod", ""),
            ("authentication", "Method"),
            ("capabilityDelegation", "Method"),
            ("capabilityInvocation", "Method"),
            ("keyAgreement", "Method"),
        )
    },
)
_PROOF: Final[JsonObject] = {"proof": _term(f"{_SECURITY}proof", "@id", graph=True)}
_DATA_INTEGRITY_PROOF: Final[JsonObject] = {
    "DataIntegrityProof": _scoped(
        _term(f"{_SECURITY}DataIntegrityProof"),
        _terms(_SECURITY, "challenge domain nonce"),
        _terms(_SECURITY, "previousProof verificationMethod", "@id"),
        _terms(_SECURITY, "proofValue", _MULTIBASE),
        _terms(_SECURITY, "cryptosuite", f"{_SECURITY}cryptosuiteString"),
        {"created": _term("http://purl.org/dc/terms/created", _TIME)},
        {"expires": _term(f"{_SECURITY}expiration", _TIME)},
        {"proofPurpose": _PURPOSES},
    )
}
_TEXTS: Final = _terms(_SCHEMA_ORG, "description name")

_V2: Final = _context(
    _TEXTS,
    _terms(_SECURITY, "digestMultibase", _MULTIBASE),
    _terms(_CREDENTIALS, "digestSRI", f"{_CREDENTIALS}sriString"),
    {"mediaType": _term(f"{_SCHEMA_ORG}encodingFormat")},
    {
        "VerifiableCredential": _scoped(
            _term(f"{_CREDENTIALS}VerifiableCredential"),
            _TEXTS,
            _PROOF,
            _terms(_CREDENTIALS, "confidenceMethod credentialSchema credentialStatus", "@id"),
            _terms(_CREDENTIALS, "credentialSubject evidence issuer refreshService", "@id"),
            _terms(_CREDENTIALS, "relatedResource renderMethod termsOfUse", "@id"),
            _terms(_CREDENTIALS, "validFrom validUntil", _TIME),
        ),
        "VerifiablePresentation": _scoped(
            _term(f"{_CREDENTIALS}VerifiablePresentation"),
            _PROOF,
            _terms(_CREDENTIALS, "holder termsOfUse", "@id"),
            {
                "verifiableCredential": {
                    **_term(f"{_CREDENTIALS}verifiableCredential", "@id", graph=True),
                    "@context": None,
                }
            },
        ),
        "JsonSchema": _scoped(
            _term(f"{_CREDENTIALS}JsonSchema"), _terms(_CREDENTIALS, "jsonSchema", "@json")
        ),
        "BitstringStatusList": _scoped(
            _term(f"{_STATUS}BitstringStatusList"),
            _terms(_STATUS, "encodedList", _MULTIBASE),
            _terms(_STATUS, "statusPurpose ttl"),
        ),
        "BitstringStatusListEntry": _scoped(
            _term(f"{_STATUS}BitstringStatusListEntry"),
            _terms(_STATUS, "statusListCredential statusReference", "@id"),
            _terms(_STATUS, "statusListIndex statusPurpose"),
            _terms(_STATUS, "statusSize", f"{_XSD_HTTPS}integer"),
            {
                "statusMessage": _scoped(
                    _term(f"{_STATUS}statusMessage"), _terms(_STATUS, "message status")
                )
            },
        ),
        "cnf": {
            **_term(f"{_JWT}cnf"),
            "@context": {
                "@protected": True,
                **_terms(_JWT, "kid", "@id"),
                **_terms(_JWT, "jwk", "@json"),
            },
        },
    },
    _terms(_CREDENTIALS, "EnvelopedVerifiableCredential EnvelopedVerifiablePresentation"),
    _terms(_CREDENTIALS, "JsonSchemaCredential"),
    _terms(_STATUS, "BitstringStatusListCredential"),
    _terms(_JWT, "... _sd_alg"),
    _terms(_JWT, "_sd", "@json"),
    _terms(_JWT, "aud", "@id"),
    _terms(_JWT, "exp iat nbf", f"{_XSD_HTTPS}nonNegativeInteger"),
    _terms(_JOSE, "iss jku kid sub x5u", "@id"),
    _DATA_INTEGRITY_PROOF,
)
_V1: Final = _context(
    _PROOF,
    {
        "VerifiableCredential": _scoped(
            _term(f"{_CREDENTIALS}VerifiableCredential"),
            _PROOF,
            _terms(_CREDENTIALS, "credentialStatus credentialSubject evidence holder", "@id"),
            _terms(_CREDENTIALS, "issuer termsOfUse", "@id"),
            _terms(_CREDENTIALS, "expirationDate issuanceDate issued validFrom validUntil", _TIME),
            {
                name: _scoped(_term(_CREDENTIALS + name, "@id"), _terms(_CREDENTIALS, type_))
                for name, type_ in (
                    ("credentialSchema", "JsonSchemaValidator2018"),
                    ("refreshService", "ManualRefreshService2018"),
                )
            },
        ),
        "VerifiablePresentation": _scoped(
            _term(f"{_CREDENTIALS}VerifiablePresentation"),
            _PROOF,
            _terms(_CREDENTIALS, "holder", "@id"),
            {
                "verifiableCredential": _term(
                    f"{_CREDENTIALS}verifiableCredential", "@id", graph=True
                )
            },
        ),
    },
)

# Each by its URL.
DOCUMENTS: Final[Mapping[str, JsonObject]] = {
    V2: _V2,
    V1: _V1,
    DATA_INTEGRITY: _context(_PROOF, _DATA_INTEGRITY_PROOF),
    EXAMPLES: {"@vocab": "https://www.w3.org/ns/credentials/examples#"},
    UNDEFINED_TERMS: {"@vocab": "https://www.w3.org/ns/credentials/undefined-term#"},
}


def _urls(context: JsonObject) -> Iterator[str]:
    for name, definition in context.items():
        if isinstance(definition, dict):
            yield str(definition["@id"])
            inner = definition.get("@context")
            if isinstance(inner, dict):
                yield from _urls(inner)
        elif name == "@vocab":
            yield str(definition)


# What a term of theirs stands for: nothing else may.
TERM_URLS: Final = frozenset(url for document in DOCUMENTS.values() for url in _urls(document))
