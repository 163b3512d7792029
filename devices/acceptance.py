"""What a device checks of a credential before it keeps it.

1. Form: a Verifiable Credential with one proof.
2. Type and format: what was asked for.
3. Subject: this device's DID, in its short form.
4. Log: the one that this device uses.
5. Time: it is not over, and does not begin in the future.
6. Issuer: the same one for all credentials of a claim, on the log, with a key that was its current
   one at ``validFrom``. It need not be so now: else an answer that is asked for again, and comes
   as it was granted, would be lost where the issuer has rotated in between.
7. Signature.

Not checked: whether anybody trusts the issuer (verifiers do, by their trust roots; the device was
pointed at the issuer's URL by its operator), and the status (it is the verifier's to ask).
"""

from datetime import datetime, timedelta
from typing import Final

from did.configurations import CONFIGURATIONS, CredentialConfiguration
from did.errors import Invalid, KeybornError, Refused
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.resolution import Finality, Resolver, asserting_version
from did.timestamps import format_time
from did.vc.credential import Credential
from did.vc.formats import credential_in

CLOCK_SKEW: Final = timedelta(seconds=60)
_STEP: Final = "check the credential"


def accept(
    document: JsonObject,
    *,
    configuration: str,
    holder: KeybornDid,
    log_id: bytes,
    resolver: Resolver,
    issuer: str | None,
    at: datetime,
) -> Credential:
    """The credential that ``document`` is, if this device may keep it.

    Args:
        document: As the issuer answered.
        configuration: What was asked for.
        holder: This device's DID.
        log_id: The log that this device uses, 32 bytes.
        resolver: Of that log.
        issuer: The DID that signed an earlier credential of the same claim.
        at: Now.

    Raises:
        Invalid: malformed, or its signature does not hold.
        Refused: ``wrong_type``, ``wrong_format``, ``holder_not_subject``, ``wrong_log``,
            ``credential_expired``, ``credential_not_yet_valid``, ``wrong_issuer``, or as
            ``asserting_version``.
        Undecided: the log cannot be read.
    """
    try:
        credential = credential_in(document)  # 1
        _check_claims(credential, CONFIGURATIONS[configuration], holder, log_id)  # 2 to 4
        signed = _check_time(credential, at)  # 5
        _check_issuer(credential, resolver, signed, issuer)  # 6 and 7
    except KeybornError as error:
        raise error.at(_STEP) from error
    return credential


def _check_claims(
    credential: Credential, needed: CredentialConfiguration, holder: KeybornDid, log_id: bytes
) -> None:
    if needed.type not in credential.types:
        raise Refused(
            "wrong_type",
            f"the issuer sent no {needed.type}",
            value=", ".join(credential.types),
            hint="see to the issuer: it answered with something else",
        )
    if credential.format is not needed.format:
        raise Refused(
            "wrong_format",
            f"the issuer sent no {needed.format}",
            value=credential.format.value,
            hint="see to the issuer: it answered in another format",
        )
    subject = credential.subject_did()
    if subject != holder.canonical:
        raise Refused(
            "holder_not_subject",
            "the credential speaks of another device",
            value=subject.text,
            hint="see to the issuer: it answered with another device's credential",
        )
    if credential.log_id != log_id:
        raise Refused(
            "wrong_log",
            "the credential is bound to another log than this device uses",
            value=None if credential.log_id is None else credential.log_id.hex(),
            hint="give the device the network file of the issuer's log",
        )


def _check_time(credential: Credential, at: datetime) -> datetime:
    if credential.valid_from is None:
        raise Invalid("invalid_credential", "the credential has no validFrom")
    if credential.valid_from > at + CLOCK_SKEW:
        raise Refused(
            "credential_not_yet_valid",
            "the credential begins in the future",
            value=format_time(credential.valid_from),
            hint="check the device's clock",
        )
    if credential.valid_until is not None and credential.valid_until <= at:
        raise Refused(
            "credential_expired",
            "the credential is over",
            value=format_time(credential.valid_until),
            hint="check the device's clock, or ask for a new claim",
        )
    return credential.valid_from


def _check_issuer(
    credential: Credential, resolver: Resolver, signed: datetime, issuer: str | None
) -> None:
    if issuer is not None and credential.issuer.text != issuer:
        raise Refused(
            "wrong_issuer",
            "the credentials of one claim are signed by two issuers",
            value=credential.issuer.text,
            hint="enrol with a new claim; tell the issuer's operator",
        )
    resolution = resolver.resolve(credential.issuer)
    key = credential.proof.method.key()
    # The newest state will do: a device that waits for finality gains nothing, since whoever
    # verifies it waits for himself.
    asserting_version(resolution, key, signed=signed, finality=Finality.LATEST, step=_STEP)
    credential.proof.verify(key)
