"""Whether a key may make a proof: what its controller's document says.

W3C Controlled Identifiers 1.0, section 3.3 (retrieve verification method): the verification method
must be in the document of its controller, under the relationship that the proof purpose names.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from did.errors import Invalid
from did.identifier import Did, DidUrl, KeybornDid, parse_did_url
from did.keys import PublicKey
from did.resolution import Resolution, asserting_version, authenticating_version
from verifier.inquiry import Inquiry

_STEP = "verification method"


@dataclass(frozen=True, slots=True)
class Controller:
    """Who made a proof.

    Attributes:
        did: In canonical form.
        key: With which.
        resolution: What is known of the DID.
    """

    did: Did
    key: PublicKey
    resolution: Resolution


def controller_of(
    method: str, *, purpose: str, signed: datetime | None, inquiry: Inquiry
) -> Controller:
    """Who controls verification method ``method``, which is authorised for ``purpose``.

    Args:
        method: A DID URL.
        purpose: The proof purpose.
        signed: When it was signed, for a key that need not be the current one any more; else None.
        inquiry: What may be asked of the log.

    Raises:
        Invalid: ``invalid_verification_method_url``, ``unknown_verification_method``,
            ``method_not_authorized``, ``method_not_supported``.
        Refused, Undecided: As ``did.resolution.authenticating_version`` and ``asserting_version``;
            ``key_not_authorized``, of a did:web.
    """
    url = _parse(method)
    resolution = inquiry.resolve(url.did)
    if resolution.web is not None and purpose in resolution.web.relationships:
        return Controller(url.did, resolution.web.key(url, purpose), resolution)
    key = inquiry.named_key(url)
    if isinstance(url.did, KeybornDid):
        finality = inquiry.trust_root.policy.finality
        if signed is None:
            version = authenticating_version(resolution, key, finality=finality, step=_STEP)
        else:
            version = asserting_version(
                resolution, key, signed=signed, finality=finality, step=_STEP
            )
        resolution = replace(resolution, selected=version.number)
    authorized = resolution.document().get(purpose)
    if not isinstance(authorized, list) or url.text not in authorized:
        raise Invalid(
            "method_not_authorized",
            f"the verification method is not one for {purpose} in its controller's document",
            value=method,
            hint="sign with a key that the document lists for this purpose",
        )
    return Controller(url.did, key, resolution)


def _parse(method: str) -> DidUrl:
    try:
        url = parse_did_url(method)
    except Invalid as error:
        if error.code == "method_not_supported":
            raise
        raise Invalid(
            "invalid_verification_method_url",
            f"a verification method is not a DID URL: {error.message}",
            value=method,
            hint="write the DID, a #, and the key",
        ) from error
    if isinstance(url.did, KeybornDid) and url.did.genesis is not None:
        raise Invalid(
            "invalid_verification_method_url",
            "a verification method is of a DID in its long form, which serves enrolment only",
            value=method,
            hint="register the DID and sign with its short form",
        )
    return url
