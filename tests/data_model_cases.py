"""Documents that keep the rules of the data model and documents that break them.

The cases are those of the W3C's test suite for the data model, and more. Each is a change of
``MINIMAL``.
"""

import base64
import hashlib
from enum import Enum
from typing import Any, Final

from did.vc.contexts import DATA_INTEGRITY, UNDEFINED_TERMS, V1, V2


class Nothing(Enum):
    """What stands for a member that is not there: by a name that is the same in each process."""

    ABSENT = "absent"


ABSENT: Final = Nothing.ABSENT
EXAMPLES: Final = "https://www.w3.org/ns/credentials/examples/v2"
SHA256: Final = "sha256-" + base64.b64encode(hashlib.sha256(b"resource").digest()).decode()
MULTIHASH: Final = "u" + base64.urlsafe_b64encode(
    b"\x12\x20" + hashlib.sha256(b"resource").digest()
).decode().rstrip("=")
MINIMAL: Final[dict[str, Any]] = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "issuer": "did:example:issuer",
    "credentialSubject": {"id": "did:example:subject"},
}
OLD: Final[dict[str, Any]] = {
    **MINIMAL,
    "@context": [V1, "https://www.w3.org/2018/credentials/examples/v1"],
    "type": ["VerifiableCredential", "UniversityDegreeCredential"],
    "issuanceDate": "2023-02-26T00:37:06Z",
}
PRESENTATION: Final[dict[str, Any]] = {"@context": [V2], "type": ["VerifiablePresentation"]}
ENVELOPE: Final[dict[str, Any]] = {
    "@context": V2,
    "id": "data:application/vc+jwt,eyJh.e30.c2ln",
    "type": "EnvelopedVerifiableCredential",
}
EX: Final = {"ExampleType": "https://example.org/#ExampleType"}
TYPED: Final = {"type": "https://example.org/#ExampleType"}
NOT_A_URL: Final = "https ://not-a-url/example"


def resource(**more: Any) -> dict[str, Any]:
    return {"id": "https://example.org/r", "digestSRI": SHA256, **more}


GOOD: Final[list[dict[str, Any]]] = [
    {},
    # 4.3 contexts
    {"@context": [V2, EXAMPLES]},
    {"@context": [V2, EX]},
    {"@context": [V2, DATA_INTEGRITY, UNDEFINED_TERMS]},
    {"@context": [V2, {"@protected": True, **EX}, EX]},  # the same definition again
    {"@context": [V2, {"note": {"@id": "https://example.org/#n", "@type": "@id"}}]},
    {"@context": [V2, {"kind": "@type"}]},
    {"@context": [V2, {"ex": "https://example.org/", "note": "ex:note"}]},
    {"@context": [V2, {"gone": None}]},
    # 4.4 identifiers
    {"id": "did:example:credential"},
    {"id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33"},
    {"id": "https://example.org/credentials/ä"},
    {"id": "https://example.org:65535/"},
    {"id": "https://user:word@[::1]:8443?q"},
    # 4.5 types
    {"type": "VerifiableCredential"},
    {"type": ["VerifiableCredential", "https://example.org/#ExampleType"]},
    {"type": ["https://example.org/#A", "https://example.org/#B", "VerifiableCredential"]},
    {"type": ["https://example.org/#A", "VerifiableCredential", "https://example.org/#B"]},
    {"@context": [V2, EX], "type": ["VerifiableCredential", "ExampleType"]},
    {"@context": [V2, EXAMPLES], "type": ["VerifiableCredential", "AnyType"]},
    {"@context": [V2, "https://example.org/c"], "type": ["VerifiableCredential", "AnyType"]},
    {
        "@context": [V2, {"@vocab": "https://example.org/#"}],
        "type": ["VerifiableCredential", "AnyType"],
    },
    {
        "@context": [V2, {"@vocab": "https://example.org/#"}, {"AnyType": {"@type": "@id"}}],
        "type": ["VerifiableCredential", "AnyType"],
    },
    {
        "@context": [V2, {**EX, "Other": "ExampleType"}],
        "type": ["VerifiableCredential", "Other"],
    },
    # 4.6 names and descriptions, 11.1 language
    *(
        {member: value}
        for member in ("name", "description")
        for value in (
            "Example",
            "",
            {"@value": "Example"},
            {"@value": "Example", "@language": "en"},
            {"@value": "Example", "@language": "ar-Latn-EG", "@direction": "rtl"},
            [{"@value": "Dog", "@language": "en"}, {"@value": "Chien", "@language": "fr"}, "Hund"],
        )
    ),
    # 4.7 issuer
    {"issuer": {"id": "did:example:issuer"}},
    {"issuer": {"id": "https://issuer.example/14", "name": "Issuer"}},
    {"@context": [V2, EXAMPLES], "issuer": {"id": "https://issuer.example/14", "more": 1}},
    {"issuer": {"id": "did:example:i", "description": {"@value": "x", "@language": "de"}}},
    # 4.8 subjects
    {"@context": [V2, EXAMPLES], "credentialSubject": {"claim": None}},
    {
        "@context": [V2, EXAMPLES],
        "credentialSubject": [{"id": "did:example:a"}, {"claim": {"deep": []}}],
    },
    {"credentialSubject": {"name": ["Hund", {"@value": "Dog", "@language": "en"}]}},
    # 4.9 validity
    {"validFrom": "2023-02-26T01:02:58.447Z"},
    {"validFrom": "2023-02-25T19:10:39-06:00"},
    {"validFrom": "9999-02-25T19:10:39Z", "validUntil": "9999-02-25T19:10:39Z"},
    {"validUntil": "1999-12-31T23:59:59+14:00"},
    {"validFrom": "2023-01-01T00:30:00+01:00", "validUntil": "2022-12-31T23:30:00Z"},
    # 4.10 status
    {"credentialStatus": {"id": "did:example:status", **TYPED}},
    {"credentialStatus": TYPED},
    {"credentialStatus": [TYPED, {**TYPED, "id": "https://example.org/status/1"}]},
    {"@context": [V2, EX], "credentialStatus": {"type": "ExampleType"}},
    # 4.11 schemas
    {"credentialSchema": {"id": "https://example.org/schema.json", "type": "JsonSchema"}},
    {"credentialSchema": [{**TYPED, "id": "did:example:1"}, {**TYPED, "id": "did:example:2"}]},
    # 5.3 related resources
    {"relatedResource": resource()},
    {"relatedResource": [resource(mediaType="application/json"), resource(id="urn:b")]},
    {"relatedResource": {"id": "urn:c", "digestMultibase": MULTIHASH}},
    {"relatedResource": resource(digestSRI=f"{SHA256} {SHA256}")},
    {"relatedResource": resource(digestMultibase=[MULTIHASH])},
    # 5.4 to 5.6 and 5.10
    *(
        {member: value}
        for member in (
            "refreshService",
            "termsOfUse",
            "evidence",
            "confidenceMethod",
            "renderMethod",
        )
        for value in (
            TYPED,
            {**TYPED, "id": "did:example:it", "name": "It"},
            [TYPED, {"type": ["https://example.org/#A", "https://example.org/#B"]}],
        )
    ),
]

# Well formed, but they use terms that no context of theirs defines (5.2); and the first of these.
UNDEFINED: Final[list[tuple[dict[str, Any], str]]] = [
    ({"undefined": {"type": 5}}, "undefined"),
    ({"statusEntry": None}, "statusEntry"),
    ({"issuer": {"id": "https://issuer.example/14", "more": 1}}, "issuer.more"),
    ({"credentialSubject": {"claim": None}}, "credentialSubject.claim"),
    (
        {"credentialSubject": [{"id": "did:example:a"}, {"claim": {"deep": []}}]},
        "credentialSubject.claim",
    ),
    ({"credentialSubject": {"type": "Unmapped"}}, "Unmapped"),
    # defined in a credential, not in its subject
    ({"credentialSubject": {"id": "urn:a", "issuer": "urn:b"}}, "credentialSubject.issuer"),
    ({"evidence": {**TYPED, "encodedList": "u"}}, "evidence.encodedList"),
    ({"evidence": {"type": "JsonSchema", "deep": {}}}, "evidence.deep"),
    ({"evidence": {**TYPED, "cnf": {"kid": "urn:k", "other": 1}}}, "evidence.cnf.other"),
    ({"@context": [V2, EX], "credentialSubject": {"x": {"ExampleType": 1}}}, "credentialSubject.x"),
    (
        {"@context": [V2, EX], "credentialSubject": {"ExampleType": [[{"x": 1}]]}},
        "credentialSubject.ExampleType.x",
    ),
    (
        {"@context": [V2, {"gone": None}], "credentialSubject": {"gone": "x"}},
        "credentialSubject.gone",
    ),
    ({"credentialSubject": {"@included": [{"x": 1}]}}, "credentialSubject.@included.x"),
]
# Their twins: the same, where each term is defined, or nobody can say that it is not.
DEFINED: Final[list[dict[str, Any]]] = [
    {"evidence": {"type": "JsonSchema", "jsonSchema": {"deep": {"name": 5}}}},
    {"evidence": {**TYPED, "cnf": {"kid": "urn:k", "jwk": {"kty": "OKP"}}}},
    {"evidence": {"type": "BitstringStatusList", "encodedList": "u"}},
    {"@context": [V2, EX], "credentialSubject": {"ExampleType": [[{"ExampleType": 1}]]}},
    {"credentialSubject": {"https://example.org/#x": {"name": "n", "urn:y": 1}}},
    {
        "@context": [V2, {"raw": {"@id": "https://example.org/#r", "@type": "@json"}}],
        "credentialSubject": {"raw": {"x": 1, "name": 5}},
    },
    {
        "@context": [V2, {"by": {"@id": "https://example.org/#b", "@container": "@language"}}],
        "credentialSubject": {"by": {"de": "Hund"}},
    },
    {
        "@context": [
            V2,
            {
                "in": {
                    "@id": "https://example.org/#i",
                    "@context": {"x": "https://example.org/#x"},
                }
            },
        ],
        "credentialSubject": {"in": {"x": 1}},
    },
    {"credentialSubject": {"@context": {"x": "https://example.org/#x"}, "x": 1}},
    {
        "@context": [V2, {"kind": "@type", **EX}],
        "credentialSubject": {"id": "urn:a", "kind": "ExampleType"},
    },
]
# Names and descriptions in what a credential speaks of (4.6 and 11.1).
NAMED: Final[list[dict[str, Any]]] = [
    {"credentialSubject": {"name": {"@value": "x", "extra": "z"}}},
    {"credentialSubject": {"id": "urn:a", "description": 5}},
    {"@context": [V2, EXAMPLES], "credentialSubject": {"claim": [{"name": ["x", None]}]}},
    {"@context": [V2, EXAMPLES], "credentialSubject": {"claim": {"deep": {"name": {}}}}},
]

BAD: Final[list[dict[str, Any]]] = [
    # 4.3 contexts
    *(
        {"@context": value}
        for value in (
            ABSENT,
            None,
            4,
            True,
            {},
            [],
            "string",
            V2,
            [[]],
            [{}],
            [None],
            [{"foo": True}, 4, False, None],
            [EXAMPLES],
            [EXAMPLES, V2],
            [V2 + " "],
            [V2, NOT_A_URL],
            [V2, ""],
            [V2, 123192875],
            [V2, None],
            [V2, [EXAMPLES]],
            [V2, {"ExampleType": NOT_A_URL}],
            [V2, {"foo": True}],
            [V2, {"foo": {"@id": 5}}],
            [V2, {"@vocab": "not a url"}],
            [V2, {"@vocab": 5}],
        )
    ),
    # 5.2: a context defines a protected term anew
    {"@context": [V2, {"VerifiableCredential": "https://example.org/#Bad"}]},
    {"@context": [V2, {"id": "https://example.org/#id"}]},
    {"@context": [V2, {"name": None}]},
    {"@context": [V2, {"@protected": True, **EX}, {"ExampleType": "https://example.org/#Bad"}]},
    {"@context": [V2, {"@protected": True, "proof": "https://example.org/#p"}, DATA_INTEGRITY]},
    {"@context": [V2, V1]},
    {"@context": [V2, EXAMPLES, V1]},
    {"@context": [V2, "https://example.org/c", V1]},
    # 4.4 identifiers
    *(
        {"id": value}
        for value in (
            None,
            "",
            5,
            [],
            {},
            ["did:example:1"],
            ["did:example:1", "did:example:2"],
            "not-a-url",
            NOT_A_URL,
            "https://",
            "https:example.org",
            "did:example:with space",
            "did:example:line\n",
            "1did:example",
            "https://e.org:99999999/",
            "https://e.org:65536",
            "https://[::1/",
            "https://::1/",
            "https://a\\b/",
            'https://a"b/',
            "https://a\0b/",
            "https://a@b@c/",
            "https://:443/",
            "https://e.org:x/",
        )
    ),
    # 4.5 types
    *(
        {"type": value}
        for value in (
            ABSENT,
            None,
            4,
            True,
            {},
            [],
            "string",
            [2, None, {"foo": True}, False],
            ["VerifiableCredential", 5],
            ["VerifiableCredential", ""],
            ["VerifiableCredential", None],
            ["https://example.org/#ExampleType"],
            ["VerifiableCredential", "Unmapped"],
            ["VerifiableCredential", "not a term"],
        )
    ),
    {"@context": [V2, {"@vocab": None}], "type": ["VerifiableCredential", "ExampleType"]},
    {"@context": [V2, EXAMPLES, {"@vocab": None}], "type": ["VerifiableCredential", "AnyType"]},
    {"@context": [V2, {"ExampleType": None}], "type": ["VerifiableCredential", "ExampleType"]},
    {
        "@context": [V2, {"ExampleType": {"@id": None}}],
        "type": ["VerifiableCredential", "ExampleType"],
    },
    {"@context": [V2, {"A": "nowhere"}], "type": ["VerifiableCredential", "A"]},
    # 4.6 names and descriptions, 11.1 language
    *(
        {member: value}
        for member in ("name", "description")
        for value in (
            None,
            5,
            [],
            [5],
            {},
            {"@value": 5},
            {"@language": "en"},
            {"@value": "x", "url": "did:example:1"},
            {"@value": "x", "@language": "en", "@type": "y"},
            {"@value": "x", "@language": ""},
            {"@value": "x", "@language": 5},
            {"@value": "x", "@language": "not a tag"},
            {"@value": "x", "@language": "en", "@direction": "up"},
            {"@value": "x", "@direction": 5},
            [{"@value": "x"}, {"@value": "x", "extra": 1}],
        )
    ),
    # 4.7 issuer
    *(
        {"issuer": value}
        for value in (
            ABSENT,
            None,
            True,
            4,
            [],
            {},
            "fake-issuer",
            ["did:example:issuer"],
            {"id": None},
            {"id": "not-a-url"},
            {"id": ["did:example:issuer"]},
            {"name": "no id"},
            {"id": "did:example:i", "name": {"@value": "x", "url": "y"}},
            {"id": "did:example:i", "description": 5},
        )
    ),
    # 4.8 subjects
    *(
        {"credentialSubject": value}
        for value in (
            ABSENT,
            None,
            True,
            4,
            [],
            {},
            "did:example:1234",
            [None, True, 4],
            [{"id": "did:example:a"}, {}],
            [{"id": "did:example:a"}, "did:example:b"],
            {"id": ["did:example:a", "did:example:b"]},
            {"id": "not-a-url"},
            {"id": None},
        )
    ),
    # 4.9 validity
    *(
        {member: value}
        for member in ("validFrom", "validUntil")
        for value in (
            None,
            5,
            "",
            "2023-02-26",
            "2023-02-26T01:02:58",
            "2023-02-26 01:02:58Z",
            "2023-02-30T01:02:58Z",
            "2023-02-26T01:02:58+15:00",
            "26 Feb 2023 01:02:58 GMT",
            ["2023-02-26T01:02:58Z"],
        )
    ),
    {"validFrom": "2024-01-01T00:00:00Z", "validUntil": "2023-12-31T23:59:59Z"},
    {"validFrom": "2023-01-01T00:30:00+01:00", "validUntil": "2022-12-31T23:29:59Z"},
    # terms of 1.1, where 2.0 has others
    {"expirationDate": "2000-01-01T00:00:00Z"},
    {"issuanceDate": "2000-01-01T00:00:00Z"},
    # 4.10 and 4.11, 5.4 to 5.6, 5.10: objects that need a type
    *(
        {member: value}
        for member in (
            "credentialStatus",
            "credentialSchema",
            "refreshService",
            "termsOfUse",
            "evidence",
            "confidenceMethod",
            "renderMethod",
        )
        for value in (
            None,
            "did:example:it",
            [],
            {},
            {"id": "did:example:it"},
            {"id": "did:example:it", "type": 2},
            {"id": "did:example:it", "type": []},
            {"id": "did:example:it", "type": [None]},
            {"id": "did:example:it", "type": ""},
            {"id": "did:example:it", "type": "Unmapped"},
            {"id": NOT_A_URL, **TYPED},
            {"id": ["did:example:it", "did:example:two"], **TYPED},
            [{"id": "did:example:it", **TYPED}, {"id": "did:example:two"}],
            [{"id": "did:example:it", **TYPED}, "did:example:two"],
            {"id": "did:example:it", "name": 5, **TYPED},
        )
    ),
    {"credentialSchema": TYPED},
    {"credentialSchema": {"id": 5, **TYPED}},
    {"credentialSchema": [{"id": "did:example:1", **TYPED}, TYPED]},
    # 5.3 related resources
    *(
        {"relatedResource": value}
        for value in (
            None,
            [],
            {},
            "https://example.org/r",
            ["https://example.org/r", "https://example.org/s"],
            {"digestSRI": SHA256},
            [resource(), resource()],
            {"id": "https://example.org/r"},
            {"id": "https://example.org/r", "digestSRI": []},
            resource(id="not-a-url"),
            resource(mediaType=5),
            resource(digestSRI=5),
            resource(digestSRI=[SHA256, 5]),
            resource(digestSRI="sha256-" + "ca" * 32),  # hexadecimal, so of the wrong length
            resource(digestSRI="sha256-AAAAA"),
            resource(digestSRI="md5-" + SHA256[7:]),
            resource(digestSRI=SHA256 + " rubbish"),
            resource(digestSRI=""),
            resource(digestMultibase="f1220"),
            resource(digestMultibase="u" + "A" * 10),
            resource(digestMultibase=MULTIHASH[:-2]),
            resource(digestMultibase="zIO0l"),
            # the base context's bytes are fixed
            resource(id=V2),
            resource(id=V2, digestSRI=[], digestMultibase=MULTIHASH),
        )
    ),
]


def but(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**base, **change}.items() if value is not ABSENT}
