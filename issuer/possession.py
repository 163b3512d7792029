"""Possession proofs (OpenID4VCI 1.0, appendix F.1, F.2 and F.4), and which DIDs they prove.

Checked of each, in this order:

1. Form: an ``openid4vci-proof+jwt`` by Ed25519 whose ``kid`` is a DID URL of a ``did:keyborn``; or
   a presentation by ``eddsa-jcs-2022`` whose ``verificationMethod`` is one.
   A bare key (``jwk``, ``x5c``) or a ``did:key`` says nothing of the device's DID. Nor may a token
   name a client (``iss``): whoever redeems a pre-authorized code is anonymous here.
2. Audience: ``aud`` or ``domain`` is this issuer's identifier.
3. Nonce: given out here for this purpose, and not expired. That it was not used before is checked
   by the transaction that grants, which alone can tell (``issuer.grants``). The proofs of one
   request may share a nonce: they are used together.
4. Age: ``iat`` is recent; so is ``created``, which a presentation may lack, since the nonce tells.
   What says when it begins (``nbf``) has begun, by a clock that may be ``MAX_SKEW`` behind; what
   says when it ends (``exp``, ``expires``) has not ended (RFC 7519, section 4.1; VC Data Integrity
   1.0, section 4.4).
5. Signature: by the key that is named. With it the full DID is signed.
6. Standing: the key speaks for the DID. Where the log has the DID, the log decides, whatever the
   long form says; where it does not, the long form's own key.

Not checked: whether the device may be enrolled at all; that is the claim's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from did.errors import Invalid, KeybornError, Refused, Undecided
from did.identifier import KeybornDid
from did.jcs import Json
from did.keys import PublicKey
from did.nonce import Nonce, mint, recognise
from did.possession import DI_VP, PossessionProof, parse_possession
from did.resolution import (
    Finality,
    Registration,
    Resolution,
    Resolver,
    authenticating_version,
    birth_key,
    not_registered,
)
from did.timestamps import format_time

NONCE_LIFETIME: Final = timedelta(minutes=5)
MAX_AGE: Final = timedelta(minutes=5)
MAX_SKEW: Final = timedelta(minutes=1)

_PURPOSE: Final = "openid4vci c_nonce"
_POSSESSION: Final = "possession"
_NONCE: Final = "nonce"
_DEVICE: Final = "device"
_FRESH: Final = "take a fresh c_nonce from the nonce endpoint"


@dataclass(frozen=True, slots=True)
class Possession:
    """A DID whose current key was shown to be held, and the nonce that was spent on it."""

    did: KeybornDid
    nonce: Nonce


@dataclass(frozen=True, slots=True)
class Signed:
    """A proof that holds by itself, by steps 1 to 5: whether the key counts, the log says."""

    did: KeybornDid
    key: PublicKey
    nonce: Nonce

    def counting(self, resolution: Resolution) -> Possession:
        """What it proves (step 6), by what the log says of its DID.

        Raises:
            Refused: A superseded key, a short form that is not registered (step ``possession``);
                ``deactivated`` (step ``device``).
            Invalid: ``unknown_verification_method``.
            Undecided: ``registration_unknown``.
        """
        _check_standing(self.did, self.key, resolution)
        return Possession(self.did, self.nonce)


def mint_nonce(key: bytes, *, issuer: str, at: datetime, era: int = 0) -> Nonce:
    """A ``c_nonce`` for proofs to ``issuer``, of an era of the issuer's store."""
    expires = at + NONCE_LIFETIME
    return mint(key, purpose=_PURPOSE, context=issuer.encode(), expires=expires, era=era)


def nonce_over() -> Refused:
    """The refusal of a nonce that has expired."""
    return Refused("nonce_expired", "the nonce has expired", step=_NONCE, hint=_FRESH)


def check_possession(
    proof: Json,
    proof_type: str,
    *,
    issuer: str,
    nonce_key: bytes,
    resolver: Resolver,
    at: datetime,
) -> Possession:
    """The DID that ``proof`` proves possession of: by all steps, as ``check_signed``.

    Raises:
        KeybornError: As ``check_signed`` and ``Signed.counting``; the log cannot be read.
    """
    signed = check_signed(proof, proof_type, issuer=issuer, nonce_key=nonce_key, at=at)
    return signed.counting(resolver.resolve(signed.did))


def check_signed(
    proof: Json, proof_type: str, *, issuer: str, nonce_key: bytes, at: datetime
) -> Signed:
    """What ``proof`` shows by itself: steps 1 to 5.

    Args:
        proof: A compact JWS, or a presentation.
        proof_type: ``jwt`` or ``di_vp``.
        issuer: The credential issuer identifier.
        nonce_key: MAC key of the nonces.
        at: Now.

    Raises:
        Invalid: Steps ``possession`` and ``nonce``: malformed, for another issuer, too old, or
            not by a key of the DID.
        Refused: Step ``nonce`` for one that expired, ``possession`` for ``proof_expired`` or
            ``proof_not_yet_valid``.
    """
    named = "verificationMethod" if proof_type == DI_VP else "kid"
    try:  # 1
        shown = parse_possession(proof, proof_type)
        key = shown.method.key()
    except Invalid as error:
        raise error.at(_POSSESSION) from error
    did = shown.method.did
    if not isinstance(did, KeybornDid):
        raise Invalid(
            "method_not_supported",
            f"the proof's {named} is no URL of a did:keyborn",
            step=_POSSESSION,
            hint=f"set {named} to <long-form did:keyborn>#<key>",
        )
    if shown.audience != issuer:  # 2
        raise Invalid(
            "wrong_audience",
            "the proof was made for another issuer",
            step=_POSSESSION,
            hint=f"set {'domain' if proof_type == DI_VP else 'aud'} to {issuer}",
        )
    nonce = _check_nonce(shown, issuer=issuer, key=nonce_key, at=at)  # 3
    _check_times(shown, at)  # 4
    try:  # 5
        shown.verify(key)
    except Invalid as error:
        raise error.at(_POSSESSION) from error
    return Signed(did, key, nonce)


def check_not_ended(dids: Sequence[KeybornDid], resolver: Resolver) -> None:
    """Return if none of ``dids``, whose possession was proven some time ago, is at its end.

    Raises:
        Refused: ``deactivated`` (step ``device``).
        Undecided: The log cannot be read.
    """
    for did in dids:
        versions = resolver.resolve(did).versions
        if versions and versions[-1].key is None:
            raise Refused(
                "deactivated",
                "the DID is deactivated, for good",
                step=_DEVICE,
                value=did.text,
                hint="give the device a new DID",
            )


def _check_times(proof: PossessionProof, at: datetime) -> None:
    if proof.issued is not None and not at - MAX_AGE <= proof.issued <= at + MAX_SKEW:
        raise Invalid(
            "proof_not_recent",
            "the proof's own time is too far from the issuer's",
            step=_POSSESSION,
            hint="set the device's clock, and make the proof for this one request",
        )
    if proof.not_before is not None and at + MAX_SKEW < proof.not_before:
        raise Refused(
            "proof_not_yet_valid",
            "the proof begins in the future",
            step=_POSSESSION,
            value=format_time(proof.not_before),
            hint="set the device's clock, or leave nbf out",
        )
    if proof.expires is not None and at >= proof.expires:
        raise Refused(
            "proof_expired",
            "the proof has ended",
            step=_POSSESSION,
            value=format_time(proof.expires),
            hint="set the device's clock, and make the proof for this one request",
        )


def _check_nonce(proof: PossessionProof, *, issuer: str, key: bytes, at: datetime) -> Nonce:
    try:
        return recognise(key, proof.nonce, purpose=_PURPOSE, context=issuer.encode(), at=at)
    except KeybornError as error:
        error.hint = _FRESH
        raise error.at(_NONCE) from error


def _check_standing(did: KeybornDid, key: PublicKey, resolution: Resolution) -> None:
    if resolution.registration is Registration.YES:
        # The newest state, settled or not: only the DID's owner can have made it, and what is
        # granted names the DID. Verifiers wait for finality themselves.
        try:
            authenticating_version(resolution, key, finality=Finality.LATEST, step=_POSSESSION)
        except Refused as error:
            if error.code == "deactivated":
                error.step = _DEVICE
            raise
        return
    if resolution.registration is not Registration.NO:
        raise Undecided(
            "registration_unknown",
            "the log was not asked for this DID",
            step=_POSSESSION,
            hint="try again",
        )
    if did.genesis is None:
        refusal = not_registered(resolution, _POSSESSION)
        refusal.hint = "use the long form of the DID in kid until it is registered"
        raise refusal
    if birth_key(did.genesis) != key:
        raise Invalid(
            "unknown_verification_method",
            "the key is not the one that the long form carries",
            step=_POSSESSION,
            value=key.multibase,
            hint="sign with the device's first key, or register it, and use its short form",
        )
