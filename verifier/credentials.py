"""The steps that are taken for each credential, 6.1 to 6.9 of ``verifier.verifier``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import Struct

from did.errors import Invalid, KeybornError, Refused
from did.identifier import Did
from did.jcs import JsonObject
from did.keys import PublicKey
from did.resolution import Registration, Resolution, asserting_version
from did.timestamps import format_time
from did.vc.credential import CONFIGURATION, PROVISIONING, Credential
from did.vc.status_list import REVOCATION, SUSPENSION, StatusEntry
from did.vc.status_problems import status_problem
from verifier.decision import Check, Trail, age
from verifier.inquiry import Inquiry, version_facts
from verifier.statuses import FoundStatus, Statuses
from verifier.trust_root import Policy, TrustedIssuer

ANY_CREDENTIAL: Final = "VerifiableCredential"


@dataclass(frozen=True, slots=True)
class CredentialChecks:
    """Judges the credentials of one decision.

    Attributes:
        inquiry: What the decision asks of the log.
        statuses: The status lists.
        trail: Where each step is recorded.
        holder: Who presents; None for a credential that nobody presents.
    """

    inquiry: Inquiry
    statuses: Statuses
    trail: Trail
    holder: Did | None

    def check(self, credential: Credential, number: int) -> None:
        """Return if ``credential``, at position ``number`` from 0, is to be believed.

        Raises:
            KeybornError: As ``verifier.verifier`` says for steps 6.1 to 6.9.
        """
        root, at = self.inquiry.trust_root, self.inquiry.at
        with self.trail.step(Check.TYPE, number) as found:
            types = _specific_types(credential)
            found.facts["types"] = list(types)
        with self.trail.step(Check.ISSUER, number) as found:
            found.facts["issuer"] = credential.issuer.text
            issuer = root.issuer(credential.issuer)
            signed = _trusted_then(credential, types, issuer)
            found.facts["validFrom"] = format_time(signed)
        with self.trail.step(Check.ISSUER_KEY, number) as found:
            key = self.inquiry.named_key(credential.proof.method)
            found.facts["key"] = key.multibase
            _check_not_compromised(issuer, key)
            resolution = self.inquiry.resolve(credential.issuer)
            self.inquiry.note(found, resolution)
            found.facts.update(self._asserted(resolution, key, signed))
        with self.trail.step(Check.CREDENTIAL_SIGNATURE, number):
            credential.proof.verify(key)
        with self.trail.step(Check.VALIDITY, number) as found:
            found.age = age(at, signed)
            _check_validity(credential, signed, at, root.policy)
            if credential.valid_until is not None:
                found.facts["validUntil"] = format_time(credential.valid_until)
        with self.trail.step(Check.LOG, number) as found:
            found.facts["logId"] = None if credential.log_id is None else credential.log_id.hex()
            _check_log(credential, root.log_id)
        if self.holder is not None:
            with self.trail.step(Check.SUBJECT, number) as found:
                found.facts["subject"] = credential.subject_did().text
                _check_subject(credential, self.holder)
        self._check_status(credential, number, issuer)
        with self.trail.step(Check.POLICY, number) as found:
            found.facts.update(check_policy(credential, root.policy))

    def _asserted(self, resolution: Resolution, key: PublicKey, signed: datetime) -> JsonObject:
        if resolution.registration is Registration.NOT_APPLICABLE:
            return {}  # a did:key has the one key that its name is; a did:web listed it, or raised
        finality = self.inquiry.trust_root.policy.finality
        return version_facts(
            asserting_version(
                resolution, key, signed=signed, finality=finality, step=Check.ISSUER_KEY
            )
        )

    def _check_status(self, credential: Credential, number: int, issuer: TrustedIssuer) -> None:
        if not credential.statuses and not issuer.status:
            with self.trail.step(Check.STATUS, number) as found:
                found.facts["status"] = "none: the trust root names no status lists of the issuer"
            return
        if not credential.statuses:
            with self.trail.step(Check.STATUS, number):
                raise Refused(
                    "status_missing",
                    "the credential has no status, so its issuer could not take it back",
                    hint="the trust root says with status = [] that an issuer has no status lists",
                )
        # Revocation first: what is revoked for good is not to be called suspended.
        for entry in sorted(credential.statuses, key=lambda entry: entry.purpose != REVOCATION):
            with self.trail.step(Check.STATUS, number) as found:
                found.facts.update(
                    {"purpose": entry.purpose, "list": entry.list_url, "index": entry.index}
                )
                try:
                    status = self.statuses.check(
                        entry,
                        issuer=issuer,
                        resolve=self.inquiry.resolve,
                        policy=self.inquiry.trust_root.policy,
                        at=self.inquiry.at,
                    )
                except KeybornError as error:
                    problem = status_problem(error)
                    if problem is not None:
                        found.facts["problem"] = problem.type
                    raise
                found.facts.update(_status_facts(status, entry))
                found.age = age(self.inquiry.at, status.kept.fetched)


def _status_facts(found: FoundStatus, entry: StatusEntry) -> JsonObject:
    """The list's version; and its word, where there is more to it than that nothing is set."""
    version: JsonObject = {"version": format_time(found.kept.version)}
    if entry.purpose in (REVOCATION, SUSPENSION) and not entry.messages:
        return version
    return {**version, "status": found.status.value, "message": found.status.message}


class DeviceClaims(Struct, frozen=True):
    """What a provisioning credential says of its device.

    Attributes:
        model: The kind of device.
        owner: Whose it is.
        roles: What it may act as.
    """

    model: str | None
    owner: str | None
    roles: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """As an object; what is None is left out."""
        value: JsonObject = {}
        if self.model is not None:
            value["model"] = self.model
        if self.owner is not None:
            value["owner"] = self.owner
        value["roles"] = list(self.roles)
        return value


def device_claims(credential: Credential) -> DeviceClaims:
    """The claims of a provisioning credential; raises ``Invalid`` (``invalid_credential``)."""
    subject = credential.subject
    model, owner, roles = subject.get("model"), subject.get("owner"), subject.get("roles", [])
    if not (model is None or isinstance(model, str)) or not (
        owner is None or isinstance(owner, str)
    ):
        raise Invalid("invalid_credential", "the device's model or owner is not a string")
    if not isinstance(roles, list):
        raise _no_roles()
    for role in roles:
        if not isinstance(role, str):
            raise _no_roles()
    return DeviceClaims(model, owner, tuple(roles))


def _no_roles() -> Invalid:
    return Invalid("invalid_credential", "the device's roles are not a list of strings")


def _specific_types(credential: Credential) -> tuple[str, ...]:
    types = tuple(name for name in credential.types if name != ANY_CREDENTIAL)
    if CONFIGURATION in types:
        raise Refused(
            "never_presented",
            f"a {CONFIGURATION} holds network secrets: it is for the device alone",
            hint="present the provisioning credential; issue new network secrets",
        )
    if not types:
        raise Refused(
            "untrusted_type",
            "the credential has no type of its own",
            hint="have the issuer issue it anew, with a type",
        )
    return types


def _trusted_then(
    credential: Credential, types: tuple[str, ...], issuer: TrustedIssuer
) -> datetime:
    # All of them: an issuer that is trusted for one type cannot slip in another beside it.
    for name in types:
        if name not in issuer.types:
            raise Refused(
                "untrusted_type",
                "the trust root does not trust the issuer for this type of credential",
                value=name,
                hint="if it is to be believed, add the type to the issuer's types",
            )
    signed = credential.valid_from
    if signed is None:
        raise Invalid("invalid_credential", "the credential has no validFrom")
    if (issuer.since is not None and signed < issuer.since) or (
        issuer.until is not None and signed >= issuer.until
    ):
        raise Refused(
            "untrusted_time",
            "the trust root does not trust the issuer for the time of the credential's validFrom",
            value=format_time(signed),
            hint="see from and until of the issuer in the trust root",
        )
    return signed


def _check_not_compromised(issuer: TrustedIssuer, key: PublicKey) -> None:
    if key in issuer.compromised_keys:
        raise Refused(
            "issuer_key_compromised",
            "the trust root marks the key that signed the credential as compromised",
            value=key.multibase,
            hint="have the issuer issue the credential anew, with its current key",
        )


def _check_validity(credential: Credential, signed: datetime, at: datetime, policy: Policy) -> None:
    for begin in (signed, credential.proof.not_before):
        if begin is not None and begin > at + policy.clock_skew:
            raise Refused(
                "credential_not_yet_valid",
                "the credential begins in the future",
                value=format_time(begin),
                hint="check the clocks of issuer and verifier; or wait until then",
            )
    for end in (credential.valid_until, credential.proof.expires):
        if end is not None and at - policy.clock_skew >= end:
            raise Refused(
                "credential_expired",
                "the credential has ended",
                value=format_time(end),
                hint="the device needs a new credential from its issuer",
            )


def _check_log(credential: Credential, log_id: bytes) -> None:
    if credential.log_id != log_id:
        raise Refused(
            "wrong_log",
            "the credential is not bound to the log that the trust root pins",
            value="no logId" if credential.log_id is None else credential.log_id.hex(),
            hint="the device's DID is registered on another log than this verifier believes",
        )


def _check_subject(credential: Credential, holder: Did) -> None:
    if credential.subject_did() != holder:
        raise Refused(
            "holder_not_subject",
            "the credential speaks of another device than the one that presents it",
            value=holder.text,
            hint="present the device's own credential",
        )


def check_policy(credential: Credential, policy: Policy) -> JsonObject:
    """Step 6.9: what the record says of it; raises ``Refused`` where policy says no."""
    if PROVISIONING not in credential.types:
        return {}
    claims = device_claims(credential)
    if policy.models and claims.model not in policy.models:
        raise Refused(
            "model_not_accepted",
            "devices of this model are not accepted here",
            value=claims.model or "no model",
            hint="see models in the trust root's policy",
        )
    missing = [role for role in policy.roles if role not in claims.roles] if policy.roles else ()
    if missing:
        raise Refused(
            "role_missing",
            "the device lacks a role that is needed here",
            value=missing[0],
            hint="see roles in the trust root's policy; or have a credential issued with it",
        )
    return claims.to_json()
