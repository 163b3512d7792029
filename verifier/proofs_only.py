"""Whether proofs hold, and nothing of who presents them: what the VC-API verifies.

Of a credential: its form (VC Data Model), and that its contexts define its terms; each of its
proofs: signature, purpose, end, challenge and domain where they are asked for, and that the
document of the key's controller authorises the key; that one of them is its issuer's; that its
issuer is accepted (``verifier.acceptance``); its validity; and its status, unless that is not asked
for. Of a presentation: the same of its own proofs; that its holder, where it names one, made one of
them; and the same of its credentials. One of these that has no proof of its own is the holder's,
and made with the presentation's proof. Members of the presentation that its contexts do not define
are refused as well.

It does **not** say that whoever sent it is the holder, uses no challenge up, opens no session, and
never makes an ``AuthenticatedDevice``: that is ``verifier.verifier``'s alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from did.errors import Invalid, KeybornError, Refused
from did.identifier import Did, parse_did
from did.jcs import Json, JsonObject
from did.resolution import Resolver
from did.timestamps import format_time, parse_time
from did.vc.claims import REGISTERED
from did.vc.data_model import (
    check_credential_terms,
    check_presentation,
    check_presentation_terms,
    is_envelope,
    is_version_1,
)
from did.vc.data_urls import unwrap
from did.vc.enveloping import CREDENTIAL, PRESENTATION, open_cose, open_jwt
from did.vc.formats import read_credential
from did.vc.proof_set import EmbeddedProof, Expected, read_proofs
from did.vc.securing import ASSERTION, Format, Proof
from did.vc.status_list import ENTRY_TYPE, StatusEntry
from verifier.acceptance import Claimed, IssuerAcceptance
from verifier.controllers import Controller, controller_of
from verifier.inquiry import Inquiry
from verifier.statuses import Statuses
from verifier.trust_root import TrustedIssuer, TrustRoot

PROOF: Final = "proof"
STATUS: Final = "credentialStatus"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified.

    Attributes:
        document: The credential or presentation, taken out of its envelope.
        checks: What was looked at: ``proof``, and ``credentialStatus``.
        warnings: What could not be found out, and was no reason to refuse.
    """

    document: JsonObject
    checks: tuple[str, ...]
    warnings: tuple[KeybornError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofVerifier:
    """Verifies proofs, by one trust root, over one log.

    Attributes:
        trust_root: Whose policy holds: freshness, finality, clocks.
        resolver: Of its log.
        statuses: The status lists.
        acceptance: Whose credentials are taken.
    """

    trust_root: TrustRoot
    resolver: Resolver
    statuses: Statuses
    acceptance: IssuerAcceptance

    def credential(self, document: Json, expected: Expected, *, with_status: bool) -> Verified:
        """What is verified of the credential ``document``, enveloped or with proofs in it.

        Args:
            document: Parsed JSON.
            expected: Of each of its proofs.
            with_status: Whether its status is looked at.

        Raises:
            Invalid, Refused, Undecided: Why it is not.
        """
        inquiry = Inquiry(self.trust_root, self.resolver, expected.at)
        return self._credential(document, expected, inquiry, with_status=with_status)

    def presentation(self, document: Json, expected: Expected, *, with_status: bool) -> Verified:
        """As ``credential``, for a presentation and the credentials in it."""
        inquiry = Inquiry(self.trust_root, self.resolver, expected.at)
        opened, credentials, proofs = _open_presentation(document)
        makers = [_check_proof(proof, expected, None, inquiry) for proof in proofs]
        holder = _party(opened.get("holder"))
        if holder is not None and holder not in [maker.did.text for maker in makers]:
            raise Invalid("holder_mismatch", "none of the proofs is the holder's", value=holder)
        warnings: list[KeybornError] = []
        for credential in credentials:
            if "proof" not in credential and not is_envelope(credential):
                check_credential_terms(credential)
                maker = _self_asserter(credential, holder, makers)
                starts = _time(credential, "validFrom", "issuanceDate")
                found = self._accept(credential, maker, starts, inquiry, with_status=with_status)
            else:
                of_credential = Expected(ASSERTION, expected.at)
                found = self._credential(
                    credential, of_credential, inquiry, with_status=with_status
                )
            warnings.extend(found.warnings)
        return Verified(opened, _checks(with_status=with_status), tuple(warnings))

    def _credential(
        self, document: Json, expected: Expected, inquiry: Inquiry, *, with_status: bool
    ) -> Verified:
        opened, proofs = _open_credential(document)
        starts = _time(opened, "validFrom", "issuanceDate")
        makers = [_check_proof(proof, expected, starts, inquiry) for proof in proofs]
        issuer = _party(opened["issuer"])
        maker = next((maker for maker in makers if maker.did.text == issuer), None)
        if maker is None:
            raise Invalid("issuer_mismatch", "none of the proofs is the issuer's", value=issuer)
        return self._accept(opened, maker, starts, inquiry, with_status=with_status)

    def _accept(
        self,
        document: JsonObject,
        maker: Controller,
        starts: datetime | None,
        inquiry: Inquiry,
        *,
        with_status: bool,
    ) -> Verified:
        """What is verified of a credential whose signature by ``maker``, its issuer, holds."""
        types = document["type"]
        names = [types] if isinstance(types, str) else [str(each) for each in _list(types)]
        accepted = self.acceptance.accept(Claimed(maker.did, names, starts, maker.key))
        self._check_validity(document, starts, inquiry.at)
        warnings = self._check_status(document, accepted, inquiry) if with_status else ()
        return Verified(document, _checks(with_status=with_status), tuple(warnings))

    def _check_validity(self, document: JsonObject, starts: datetime | None, at: datetime) -> None:
        skew = self.trust_root.policy.clock_skew
        ends = _time(document, "validUntil", "expirationDate")
        if starts is not None and starts > at + skew:
            raise Refused(
                "credential_not_yet_valid",
                "the credential begins in the future",
                value=format_time(starts),
                hint="check the clocks of issuer and verifier; or wait until then",
            )
        if ends is not None and at >= ends + skew:
            raise Refused(
                "credential_expired",
                "the credential has ended",
                value=format_time(ends),
                hint="have the issuer issue a new one",
            )

    def _check_status(
        self,
        document: JsonObject,
        issuer: TrustedIssuer | None,
        inquiry: Inquiry,
    ) -> Sequence[KeybornError]:
        """What could not be found out of an issuer whose lists nobody has told us of."""
        warnings: list[KeybornError] = []
        for entry in _list(document.get("credentialStatus", [])):
            of_list = isinstance(entry, dict) and entry.get("type") == ENTRY_TYPE
            if issuer is None and not of_list:
                warnings.append(_unchecked("the credential has a status of a type not known here"))
                continue
            status = StatusEntry.from_json(entry)
            if issuer is None:
                warnings.append(
                    _unchecked("nothing is fetched for an issuer that the trust root does not have")
                )
                continue
            self.statuses.check(
                status,
                issuer=issuer,
                resolve=inquiry.resolve,
                policy=self.trust_root.policy,
                at=inquiry.at,
            )
        return warnings


def _open_credential(document: Json) -> tuple[JsonObject, Sequence[EmbeddedProof]]:
    if isinstance(document, dict) and is_envelope(document):
        data, format_ = unwrap(document, CREDENTIAL)
        found = read_credential(data, format_)
        check_credential_terms(_without_claims(found.document, format_))
        return found.document, [_embedded(found.proof)]
    check_credential_terms(document)
    assert isinstance(document, dict)
    return document, read_proofs(document)


def _open_presentation(
    document: Json,
) -> tuple[JsonObject, Sequence[JsonObject], Sequence[EmbeddedProof]]:
    """What was in its envelope, if it was in one; its credentials; its proofs."""
    if isinstance(document, dict) and is_envelope(document):
        data, format_ = unwrap(document, PRESENTATION)
        if format_ is Format.JWT_VC_JSON:
            raise Invalid(
                "invalid_envelope",
                "a presentation of VC 1.1 as a JWT has no envelope of VC 2.0",
                hint="envelop a vp+jwt or a vp+cose",
            )
        opened = (open_jwt if format_ is Format.VC_JWT else open_cose)(data, PRESENTATION)
        credentials = check_presentation(opened.document)
        check_presentation_terms(_without_claims(opened.document, format_))
        return opened.document, credentials, [_embedded(opened.proof)]
    credentials = check_presentation(document)
    check_presentation_terms(document)
    assert isinstance(document, dict)
    return document, credentials, read_proofs(document)


def _without_claims(document: JsonObject, format_: Format) -> JsonObject:
    """What a document says itself: in a token, its signature's claims stand among its members."""
    claims = REGISTERED if format_ is Format.VC_JWT else frozenset[str]()
    return {name: value for name, value in document.items() if name not in claims}


def _embedded(proof: Proof) -> EmbeddedProof:
    """The proof that an envelope is, as those that stand in a document."""
    return EmbeddedProof(
        method=proof.method.text,
        purpose=proof.purpose,
        created=proof.created,
        not_before=proof.not_before,
        expires=proof.expires,
        challenge=proof.challenge,
        domains=frozenset(() if proof.domain is None else (proof.domain,)),
        signed=proof.signed,
        signature=proof.signature,
    )


def _check_proof(
    proof: EmbeddedProof, expected: Expected, signed: datetime | None, inquiry: Inquiry
) -> Controller:
    expected.check(proof)
    found = controller_of(proof.method, purpose=proof.purpose, signed=signed, inquiry=inquiry)
    proof.verify(found.key)
    return found


def _self_asserter(
    credential: JsonObject, holder: str | None, makers: Sequence[Controller]
) -> Controller:
    """Who signed what the presentation's own proof secures alone: its holder (section 4.13.4)."""
    own = None if is_version_1(credential) else _party(credential["issuer"])
    maker = next((maker for maker in makers if maker.did.text == holder), None)
    if maker is None or own != holder:
        raise Invalid(
            "invalid_proof",
            "a credential without a proof of its own is not the holder's own",
            value=_party(credential["issuer"]),
            hint="have its issuer secure it; the holder can say only what it says of itself",
        )
    return maker


def _party(value: Json) -> str | None:
    """The URL of an issuer or holder; a DID in its canonical form."""
    text = value.get("id") if isinstance(value, dict) else value
    if not isinstance(text, str):
        return None
    try:
        did: Did = parse_did(text)
    except Invalid:
        return text
    return did.text


def _time(document: JsonObject, name: str, of_version_1: str) -> datetime | None:
    found = document.get(of_version_1 if is_version_1(document) else name)
    return None if found is None else parse_time(found)


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else [value]


def _checks(*, with_status: bool) -> tuple[str, ...]:
    return (PROOF, STATUS) if with_status else (PROOF,)


def _unchecked(message: str) -> KeybornError:
    return Refused("status_not_trusted", message, hint="do not rely on it")
