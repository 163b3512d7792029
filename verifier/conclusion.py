"""The end of a decision: steps 3, 6 and 7 of ``verifier.verifier``, whoever comes to take them.

They are those that may come out otherwise the next time, and need no new presentation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from did.errors import Refused
from did.identifier import Did, KeybornDid
from did.jcs import JsonObject
from did.keys import PublicKey
from did.resolution import NotAtHandError, authenticating_version
from did.vc.credential import PROVISIONING, Credential
from verifier.credentials import CredentialChecks, DeviceClaims, device_claims
from verifier.decision import Check, Decision, Evidence, Trail
from verifier.inquiry import Inquiry, version_facts
from verifier.statuses import Statuses


@dataclass(frozen=True, slots=True)
class AuthenticatedDevice:
    """A device that proved who it is, and how that was decided. Only ``conclude`` makes one.

    Attributes:
        did: Its DID, in short form.
        key: The key it signed with, its current one.
        issuer: Who provisioned it.
        claims: What its provisioning credential says of it.
        credentials: All that it presented, each of them checked.
        decision: Every step, with its evidence.
    """

    did: KeybornDid
    key: PublicKey
    issuer: Did
    claims: DeviceClaims
    credentials: tuple[Credential, ...]
    decision: Decision

    def to_json(self) -> JsonObject:
        """Who it is, as an object; the decision apart."""
        return {
            "did": self.did.text,
            "key": self.key.multibase,
            "issuer": self.issuer.text,
            **self.claims.to_json(),
        }


def registrable(holder: Did) -> KeybornDid:
    """``holder``, of a kind that the log holds; raises ``Refused`` (``not_registered``)."""
    if not isinstance(holder, KeybornDid):
        raise Refused(
            "not_registered",
            "the holder's DID is not of a kind that the log holds",
            value=holder.text,
            hint="present with a did:keyborn that is registered",
        )
    return holder


def check_key(holder: KeybornDid, key: PublicKey, inquiry: Inquiry, found: Evidence) -> None:
    """Step 3 but for its beginning: return if ``key`` is the holder's current one, and settled.

    Args:
        holder: Who presents, or has presented.
        key: What signed the presentation.
        inquiry: What the decision asks of the log.
        found: Filled with what was looked at.

    Raises:
        KeybornError: As ``verifier.verifier`` says for step 3.
    """
    found.facts["key"] = key.multibase
    resolution = inquiry.resolve(holder)
    inquiry.note(found, resolution)
    finality = inquiry.trust_root.policy.finality
    version = authenticating_version(resolution, key, finality=finality, step=Check.HOLDER)
    found.facts.update(version_facts(version))


def conclude(
    shown: Sequence[Sequence[Credential]],
    *,
    holder: tuple[KeybornDid, PublicKey],
    inquiry: Inquiry,
    statuses: Statuses,
    trail: Trail,
    digest: str,
) -> AuthenticatedDevice:
    """Steps 6 and 7; where they cannot be taken now, the trail is as it was before them.

    Args:
        shown: The credentials, by the presentation that they were in.
        holder: Who has proven to be there, and the key that signed, by step 3.
        inquiry: What the decision asks of the log.
        statuses: The status lists.
        trail: The steps so far.
        digest: The trust root's.

    Raises:
        NotAtHandError: Something would have to be fetched, and ``statuses`` or the log do not.
        KeybornError: As ``verifier.verifier`` says for these steps.
    """
    did, key = holder
    before = len(trail.steps)
    checks = CredentialChecks(inquiry, statuses, trail, did)
    credentials = tuple(each for group in shown for each in group)
    try:
        for number, credential in enumerate(credentials):
            checks.check(credential, number)
    except NotAtHandError:
        del trail.steps[before:]
        raise
    with trail.step(Check.DEVICE) as found:
        provisioned = _provisioning(shown)
        claims = device_claims(provisioned)
        found.facts["did"] = did.text
    return AuthenticatedDevice(
        did=did,
        key=key,
        issuer=provisioned.issuer,
        claims=claims,
        credentials=credentials,
        decision=decision(inquiry, trail, digest),
    )


def decision(inquiry: Inquiry, trail: Trail, digest: str) -> Decision:
    """The record of a decision whose steps all held; ``digest`` is the trust root's."""
    return Decision(inquiry.at, digest, inquiry.trust_root.log_id, tuple(trail.steps))


def _provisioning(shown: Sequence[Sequence[Credential]]) -> Credential:
    found: list[Credential] = []
    for credentials in shown:
        own = [each for each in credentials if PROVISIONING in each.types]
        # Presentations of one answer may show the same one; a presentation shows it once.
        found += own if own != found else []
    if len(found) != 1:
        raise Refused(
            "one_provisioning_credential_needed",
            f"a presentation holds exactly one {PROVISIONING}: it says who the device is",
            value=len(found),
            hint="present one, and no other of this type",
        )
    return found[0]
