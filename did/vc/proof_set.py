"""All Data Integrity proofs of a document, sets and chains of them.

W3C Data Integrity 1.0, sections 2.1 (proofs), 2.1.1 (sets), 2.1.2 (chains), 4.4 (verify proof) and
4.5 (verify proof sets and chains), with the cryptosuites ``eddsa-jcs-2022`` and, as far as
``did.vc.rdf`` takes what it secures, ``eddsa-rdfc-2022`` (vc-di-eddsa, sections 3.3 and 3.2). This
is for interfaces that verify what anybody made; who decides on devices takes one proof, of the
first suite, and no more (``did.vc.data_integrity.parse_proof``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from did.errors import Invalid, Refused
from did.jcs import Json, JsonObject, canonicalize
from did.keys import SIGNATURE_BYTES, PublicKey
from did.limits import LIMITS
from did.multibase import multibase_decode
from did.timestamps import format_time, parse_time
from did.vc.contexts import is_url
from did.vc.data_integrity import CRYPTOSUITE, PROOF_TYPE, hash_data
from did.vc.rdf import canonical_rdf

RDFC_CRYPTOSUITE: Final = "eddsa-rdfc-2022"
_CANONICAL: Final[Mapping[str, Callable[[JsonObject], bytes]]] = {
    CRYPTOSUITE: canonicalize,
    RDFC_CRYPTOSUITE: canonical_rdf,
}


@dataclass(frozen=True, slots=True)
class EmbeddedProof:
    """One proof of a document, taken apart. Its signature has not been verified yet.

    Attributes:
        method: The verification method, as it stands.
        purpose: The proof purpose.
        created: When it was made, if it says so.
        not_before: When it begins, if it says so; only what is enveloped does.
        expires: When it ends, if it says so.
        challenge: If it has one.
        domains: The security domains that it is for; empty if it has none.
        signed: The bytes that are signed; the proofs that it builds on are in them.
        signature: 64 bytes.
    """

    method: str
    purpose: str
    created: datetime | None
    not_before: datetime | None
    expires: datetime | None
    challenge: str | None
    domains: frozenset[str]
    signed: bytes
    signature: bytes

    def verify(self, key: PublicKey) -> None:
        """Return if the proof is ``key``'s; raises ``Invalid`` (``invalid_signature``)."""
        key.verify(self.signature, self.signed)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a proof is held against (section 4.4).

    Attributes:
        purpose: The proof purpose.
        at: Now.
        challenge: None if any will do.
        domains: Empty if any will do.
    """

    purpose: str
    at: datetime
    challenge: str | None = None
    domains: Collection[str] = ()

    def check(self, proof: EmbeddedProof) -> None:
        """Return if ``proof`` is what is expected.

        Raises:
            Invalid: ``wrong_proof_purpose``.
            Refused: ``proof_not_yet_valid``, ``proof_expired``, ``wrong_domain``,
                ``wrong_challenge``.
        """
        if proof.purpose != self.purpose:
            raise Invalid(
                "wrong_proof_purpose", f"the proof is not for {self.purpose}", value=proof.purpose
            )
        if proof.not_before is not None and self.at < proof.not_before:
            raise Refused(
                "proof_not_yet_valid",
                "the proof begins in the future",
                value=format_time(proof.not_before),
                hint="check the clocks of who made it and of this machine; or wait until then",
            )
        if proof.expires is not None and self.at >= proof.expires:
            raise Refused(
                "proof_expired",
                "the proof has ended",
                value=format_time(proof.expires),
                hint="have it made anew",
            )
        if self.domains and proof.domains != frozenset(self.domains):
            raise Refused(
                "wrong_domain",
                "the proof is for another domain",
                value=sorted(proof.domains),
                hint="have it made for this domain",
            )
        if self.challenge is not None and proof.challenge != self.challenge:
            raise Refused(
                "wrong_challenge",
                "the proof answers another challenge",
                value=proof.challenge,
                hint="have it made for this challenge",
            )


def read_proofs(secured: JsonObject) -> tuple[EmbeddedProof, ...]:
    """All proofs of ``secured``, at least one, in their order.

    Raises:
        Invalid: ``invalid_proof`` (none, malformed, or a chain that does not hang together),
            ``unsupported_cryptosuite``, or as ``did.vc.rdf.canonical_rdf``.
    """
    document = dict(secured)
    value = document.pop("proof", None)
    proofs = _objects(value)
    by_id: dict[str, JsonObject] = {}
    for proof in proofs:
        if "id" in proof:
            id_ = proof["id"]
            if not isinstance(id_, str) or not is_url(id_) or id_ in by_id:
                raise Invalid("invalid_proof", "a proof's id is not a URL of its own", value=id_)
            by_id[id_] = proof
    chains = [_previous(proof, by_id) for proof in proofs]
    _check_acyclic(by_id)
    return tuple(
        _read(document, proof, previous) for proof, previous in zip(proofs, chains, strict=True)
    )


def _objects(value: Json) -> list[JsonObject]:
    entries = value if isinstance(value, list) else [value]
    proofs = [entry for entry in entries if isinstance(entry, dict)]
    if not proofs or len(proofs) != len(entries):
        raise Invalid("invalid_proof", "the document has no proof, or one that is no object")
    if len(proofs) > LIMITS.proofs:
        raise Invalid("invalid_proof", f"the document has more than {LIMITS.proofs} proofs")
    return proofs


def _previous(proof: JsonObject, by_id: dict[str, JsonObject]) -> list[JsonObject]:
    """The proofs that ``proof`` builds on (section 4.5, steps 5.2 and 5.3).

    Each is named once, so that what is hashed is no more than there are proofs times what came.
    """
    names = _texts(proof, "previousProof")
    if len(names) > len(by_id) or len(set(names)) != len(names):
        raise Invalid("invalid_proof", "a proof names a previousProof more than once")
    for name in names:
        if name not in by_id:
            raise Invalid("invalid_proof", "a previousProof is not there", value=name)
    return [by_id[name] for name in names]


def _check_acyclic(by_id: dict[str, JsonObject]) -> None:
    """A chain has a beginning; each signature covers those before it."""
    left = dict(by_id)
    while left:
        free = [
            name for name, proof in left.items() if not {*_texts(proof, "previousProof")} & {*left}
        ]
        if not free:
            raise Invalid("invalid_proof", "a proof chain goes round in a circle")
        for name in free:
            del left[name]


def _read(document: JsonObject, proof: JsonObject, previous: Sequence[JsonObject]) -> EmbeddedProof:
    if proof.get("type") != PROOF_TYPE:
        raise Invalid("invalid_proof", f"a proof is not a {PROOF_TYPE}", value=proof.get("type"))
    suite = _text(proof, "cryptosuite")
    if suite not in _CANONICAL:
        raise Invalid(
            "unsupported_cryptosuite",
            f"a proof's cryptosuite is not supported here; {' and '.join(_CANONICAL)} are",
            value=suite,
        )
    configuration = {name: value for name, value in proof.items() if name != "proofValue"}
    if "@context" in configuration and configuration["@context"] != document.get("@context"):
        raise Invalid("invalid_proof", "a proof's @context is not the document's")
    if suite == RDFC_CRYPTOSUITE:  # it has the document's, whether it says so or not
        configuration["@context"] = document.get("@context")
    signed = {**document, "proof": list(previous)} if previous else document
    if "nonce" in proof:
        _text(proof, "nonce")
    try:
        signature = multibase_decode(_text(proof, "proofValue"), length=SIGNATURE_BYTES)
    except Invalid as error:
        raise Invalid("invalid_proof", f"proofValue: {error.message}") from error
    return EmbeddedProof(
        method=_text(proof, "verificationMethod"),
        purpose=_text(proof, "proofPurpose"),
        created=_time(proof, "created"),
        not_before=None,
        expires=_time(proof, "expires"),
        challenge=_text(proof, "challenge") if "challenge" in proof else None,
        domains=frozenset(_texts(proof, "domain")),
        signed=hash_data(signed, configuration, _CANONICAL[suite]),
        signature=signature,
    )


def _text(proof: JsonObject, name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str):
        raise Invalid("invalid_proof", f"{name} is not a string", value=value)
    return value


def _texts(proof: JsonObject, name: str) -> list[str]:
    """One string or several; none if there is no such member."""
    value = proof.get(name, [])
    entries = value if isinstance(value, list) else [value]
    texts = [entry for entry in entries if isinstance(entry, str)]
    if len(texts) != len(entries) or (name in proof and not texts):
        raise Invalid("invalid_proof", f"{name} is neither a string nor a list of strings")
    return texts


def _time(proof: JsonObject, name: str) -> datetime | None:
    """A time; one without an offset is in UTC (section 2.1, ``created`` and ``expires``)."""
    if name not in proof:
        return None
    text = _text(proof, name)
    try:
        return parse_time(text)
    except Invalid as error:
        try:
            naive = parse_time(f"{text}Z")
        except Invalid:
            raise Invalid("invalid_proof", f"{name}: {error.message}", value=text) from error
        return naive.astimezone(UTC)
