"""What a signer could make that no honest one does: each thing wrong under a signature that holds.

Algorithms, types and media types of the other formats, headers and claims that are missing, have no
place or contradict what they stand beside. See ``tampered`` for what somebody without a key can do.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from actors import ISSUER, STRANGER
from tampered import Case, Taken, as_text, sign, take, whole

from did.keys import SigningKey
from did.vc.formats import Format

MISSING: Final = object()

ALGORITHMS: Final = (
    "none", "None", "NONE", "HS256", "RS256", "PS256", "ES256", "ES256K", "ES384", "Ed448",
    "eddsa", "ed25519", "", "-8", "EdDSA ", MISSING, None, True, -8, 0, ["EdDSA"], {"alg": "EdDSA"},
)  # fmt: skip
COSE_ALGORITHMS: Final = (
    -7, -35, -36, -37, -47, -53, -257, 5, 0, 8, "EdDSA", "-8", MISSING, None, True, [-8],
)  # fmt: skip
TYPES: Final = (
    "vc+jwt", "vp+jwt", "VC+JWT", "vc+ld+jwt", "vc+sd-jwt", "vc+cose", "vp+cose", "JWT", "jwt",
    "at+jwt", "application/vc+jwt", "application/vp+jwt", "openid4vci-proof+jwt",
    "application/", "application/application/vc+jwt", "application/application/vp+jwt",
    "application/JWT", "text/vc+jwt", "text/vp+jwt", "vc+jwt;x=1", " vc+jwt", "vp+jwt ",
    "oauth-authz-req+jwt", "vc", "vp", "", MISSING, None, 16, ["vc+jwt"],
)  # fmt: skip
COSE_TYPES: Final = (
    "application/vc+cose", "application/vp+cose", "application/vc+jwt", "application/vp+jwt",
    "vc+cose", "vp+cose", "APPLICATION/VC+COSE", "application/cwt", "application/vc", "",
    MISSING, None, 16, 61, ["application/vc+cose"],
)  # fmt: skip
CONTENTS: Final = ("vc", "vp", "JWT", "vc+jwt", "vp+jwt", "json", "", None, 0, ["vc"])
STRANGER_METHOD: Final = STRANGER.method.text


def resigned(data: bytes, format_: Format, kind: str, key: SigningKey) -> Iterator[Case]:
    """Each wrong thing, in a credential (``vc``) or presentation (``vp``), signed with ``key``."""
    taken = take(data, format_)
    if format_ is Format.LDP_VC:
        found = _data_integrity(taken, kind)
    elif format_ is Format.VC_COSE:
        found = _cose(taken, kind)
    else:
        found = _jose(taken, kind)
    for what, wrong in found:
        yield f"signed: {what}", whole(sign(wrong, key))


def _jose(taken: Taken, kind: str) -> Iterator[tuple[str, Taken]]:
    header, payload = taken.parts["header"], taken.parts["payload"]
    is_v1 = taken.format is Format.JWT_VC_JSON
    for name, value in _jose_headers(header, kind, is_v1=is_v1):
        yield f"header {name}: {value}", taken.put(header=_with(header, name, value))
    for what, wrong in _claims(payload, kind, is_v1=is_v1).items():
        yield what, taken.put(payload=wrong)
    for what, text in _texts(payload).items():
        yield what, taken.put(payload=text)
    for what, text in _texts(header).items():
        yield f"header: {what}", taken.put(header=text)


def _jose_headers(header: Mapping[str, Any], kind: str, *, is_v1: bool) -> list[tuple[str, Any]]:
    did, _, fragment = header["kid"].partition("#")
    other = f"{did}#{STRANGER.key.public_key().multibase}"
    kids = (MISSING, "", fragment, f"#{fragment}", STRANGER_METHOD, other, header["kid"] + " ", 5)
    wrong: list[tuple[str, Any]] = [
        *(("alg", alg) for alg in ALGORITHMS),
        *(("typ", typ) for typ in TYPES if not _is_type(typ, "JWT" if is_v1 else f"{kind}+jwt")),
        *(("kid", kid) for kid in kids),
        ("crit", ["exp"]),
        ("crit", ["b64"]),
        ("b64", False),
    ]
    if is_v1:
        wrong.remove(("typ", MISSING))  # a VC 1.1 need not have one (section 6.3.1)
        return wrong
    contents = [("cty", content) for content in CONTENTS if not _is_type(content, kind)]
    return [*wrong, *contents, ("iss", STRANGER.short.text)]


def _is_type(value: object, name: str) -> bool:
    """RFC 7515, section 4.1.9: in any case of letters, with or without ``application/``."""
    return isinstance(value, str) and value.lower() in (name.lower(), f"application/{name}".lower())


def _cose(taken: Taken, kind: str) -> Iterator[tuple[str, Taken]]:
    head, payload = taken.parts["protected"], taken.parts["payload"]
    for label, value in _cose_headers(head, kind):
        yield f"header {label}: {value}", taken.put(protected=_with(head, label, value))
    for label in head:
        rest = {it: value for it, value in head.items() if it != label}
        # Without the claims, a credential lacks nothing: but what is not signed has no place.
        yield f"{label} not signed", taken.put(protected=rest, unprotected={label: head[label]})
        yield f"{label} twice", taken.put(unprotected={label: head[label]})
    yield "a header that is not signed", taken.put(unprotected={"99": 1})
    for name, value in _wrong_claims(kind):
        if name in _CWT:
            claims = _with(head["15"], _CWT[name], value)
            yield f"claim {name}: {value}", taken.put(protected={**head, "15": claims})
    for what, wrong in {**_owned(payload), **_documents(payload, kind)}.items():
        yield what, taken.put(payload=wrong)
    for what, text in _texts(payload).items():
        yield what, taken.put(payload=text)


_CWT: Final = {
    "iss": "1",
    "sub": "2",
    "aud": "3",
    "exp": "4",
    "nbf": "5",
    "iat": "6",
    "nonce": "10",
}


def _cose_headers(head: Mapping[str, Any], kind: str) -> list[tuple[str, Any]]:
    did, _, fragment = head["4"].partition("#")
    other = f"{did}#{STRANGER.key.public_key().multibase}"
    contents = (*CONTENTS, "application/vc", "application/vp", "application/json", 50)
    return [
        *(("1", alg) for alg in COSE_ALGORITHMS),
        *(("16", typ) for typ in COSE_TYPES if typ != f"application/{kind}+cose"),
        *(("3", content) for content in contents if content != f"application/{kind}"),
        *(("4", kid) for kid in (MISSING, "", fragment, STRANGER_METHOD, other, head["4"] + " ")),
        *(("2", labels) for labels in ([16], [], 1)),
        *(("15", claims) for claims in ([], "claims", 5, None)),
    ]


def _data_integrity(taken: Taken, kind: str) -> Iterator[tuple[str, Taken]]:
    document = taken.parts["document"]
    proof = document["proof"]
    for name, value in {
        "type": "Ed25519Signature2020",
        " type": "JsonWebSignature2020",
        "type ": "DataIntegrityProof2",
        "  type": MISSING,
        "cryptosuite": "eddsa-rdfc-2022",
        " cryptosuite": "ecdsa-jcs-2019",
        "cryptosuite ": "EDDSA-JCS-2022",
        "  cryptosuite": MISSING,
        "proofPurpose": "assertionMethod" if kind == "vp" else "authentication",
        " proofPurpose": "capabilityInvocation",
        "proofPurpose ": MISSING,
        "verificationMethod": STRANGER_METHOD,
        " verificationMethod": MISSING,
        "verificationMethod ": proof["verificationMethod"].partition("#")[0],
        "previousProof": "urn:uuid:1",
        "created": "yesterday",
        "expires": "2020-01-01T00:00:00Z",
        " expires": 5,
        "@context": [],
    }.items():
        changed = {**document, "proof": _with(proof, name.strip(), value)}
        yield f"proof {name}: {value}", taken.put(document=changed)
    if kind == "vp":
        for name in ("challenge", "domain"):
            for value in (MISSING, "another", "", 5, None):
                changed = {**document, "proof": _with(proof, name, value)}
                yield f"proof {name}: {value}", taken.put(document=changed)
    for what, value in _documents(document, kind).items():
        yield what, taken.put(document=value)


def _claims(payload: Mapping[str, Any], kind: str, *, is_v1: bool) -> dict[str, Any]:
    """Payloads of a token with something wrong in them."""
    claims = {
        f"claim {name}: {value!r}": _with(payload, name, value)
        for name, value in _wrong_claims(kind)
    }
    if not is_v1:
        return {**claims, **_owned(payload), **_documents(payload, kind)}
    inner, other = payload[kind], "vp" if kind == "vc" else "vc"
    documents = _documents(inner, kind)
    documents.pop("no issuer", None)  # iss stands for it
    twice = ("id", "issuer", "issuanceDate", "expirationDate") if kind == "vc" else ("holder",)
    return {
        **claims,
        "both vc and vp": {**payload, other: inner},
        "the other claim": {**_with(payload, kind, MISSING), other: inner},
        "a proof of its own": {**payload, kind: {**inner, "proof": {}}},
        "no document": _with(payload, kind, MISSING),
        "a document that is none": {**payload, kind: []},
        "no iss": _with(payload, "iss", MISSING),
        **{what: {**payload, kind: value} for what, value in documents.items()},
        **{
            f"{name} says other than its claim": {
                **payload,
                kind: {**inner, name: "2026-02-01T00:00:00Z"},
            }
            for name in twice
        },
    }


def _wrong_claims(kind: str) -> list[tuple[str, Any]]:
    """Registered claims that are not as they must be."""
    wrong: list[tuple[str, Any]] = [
        *(("iss", iss) for iss in (STRANGER.short.text, "", 5)),
        *(("exp", time) for time in (1, "2027", 10**12, -(10**12), True)),
        *(("nbf", time) for time in (4_000_000_000, "now", None)),
        *(("iat", time) for time in ("now", True, None)),
        *(("nonce", nonce) for nonce in ("", 5, "c2hvcnQ")),
    ]
    if kind == "vc":
        audience = "https://gate.example"
        return [*wrong, ("sub", STRANGER.short.text), ("aud", audience), ("nonce", "YW55dGhpbmc")]
    ours, other = "https://gate.example", "https://other.example"
    return [
        *wrong,
        *(("aud", aud) for aud in (MISSING, other, [ours, other], [], None, "", [None])),
        *(("nonce", nonce) for nonce in (MISSING, "YW5vdGhlci1ub25jZQ", ["YW5vdGhlci1ub25jZQ"])),
        ("exp", MISSING),
    ]


def _owned(document: Mapping[str, Any]) -> dict[str, Any]:
    """Documents of VC 2.0 that would be taken for secured twice, or for a VC 1.1."""
    return {f"{name} in the payload": {**document, name: {}} for name in ("vc", "vp", "proof")}


def _documents(document: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Documents that are not what they must be."""
    if kind == "vc":
        return {
            "another issuer": {**document, "issuer": STRANGER.short.text},
            "no issuer": _with(document, "issuer", MISSING),
            "a presentation's type": {**document, "type": ["VerifiablePresentation"]},
            "an envelope's type": {**document, "type": "EnvelopedVerifiableCredential"},
            "no context": _with(document, "@context", MISSING),
            "another context": {**document, "@context": ["https://www.w3.org/ns/did/v1"]},
        }
    return {
        "another holder": {**document, "holder": STRANGER.short.text},
        "the issuer as holder": {**document, "holder": ISSUER.short.text},
        "no credentials": {**document, "verifiableCredential": []},
        "a credential's type": {**document, "type": ["VerifiableCredential"]},
        "an envelope's type": {**document, "type": "EnvelopedVerifiablePresentation"},
        "no context": _with(document, "@context", MISSING),
        "a credential that is none": {**document, "verifiableCredential": [{}]},
        "a credential that is a number": {**document, "verifiableCredential": [5]},
        "too many": {**document, "verifiableCredential": document["verifiableCredential"] * 17},
    }


def _texts(value: Mapping[str, Any]) -> dict[str, bytes]:
    """Text under a good signature that strict JSON is not."""
    text = as_text(dict(value))
    name = json.dumps(next(iter(value)))
    return {
        "a member twice": text[:-1] + f", {name}: 1}}".encode(),
        "a float": text[:-1] + b', "more": 1.5}',
        "an integer too large": text[:-1] + b', "more": 9007199254740993}',
        "NaN": text[:-1] + b', "more": NaN}',
        "a lone surrogate": text[:-1] + b', "more": "\\ud800"}',
        "not UTF-8": text[:-1] + b', "more": "\xff"}',
        "a byte order mark": b"\xef\xbb\xbf" + text,
        "more behind it": text + b"{}",
        "too deep": text[:-1] + b', "more": ' + b"[" * 20 + b"]" * 20 + b"}",
        "a list": b"[" + text + b"]",
        "nothing": b"",
    }


def _with(value: Mapping[str, Any], name: str, item: Any) -> dict[str, Any]:
    rest = {it: other for it, other in value.items() if it != name}
    return rest if item is MISSING else {**rest, name: item}
