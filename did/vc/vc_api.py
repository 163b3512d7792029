"""What is asked of issuers and verifiers over the VC-API (W3C CCG VC API 0.3).

::

    {"credential": {...}, "options": {"format": "vc+jwt", "statusPurpose": "revocation"}}
    {"verifiableCredential": {...}, "options": {"checks": ["proof"]}}
    {"verifiablePresentation": {...}, "options": {"challenge": "...", "domain": "..."}}

An option of an issuer that is not known is refused: what it asked for would be missing from what is
signed. Of a verifier it is left alone, as are unknown members beside ``options``; one that is known
and has a value that is not is refused, so that nothing is looked at less than was asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid, shorten
from did.jcs import Json, JsonObject
from did.strict_json import parse_object
from did.vc.data_integrity import CRYPTOSUITE, PROOF_TYPE
from did.vc.data_urls import format_of_media_type
from did.vc.securing import ASSERTION, AUTHENTICATION, Format
from did.vc.status_list import ENTRY_TYPE, REVOCATION, SUSPENSION

STATUS_PURPOSES: Final = (REVOCATION, SUSPENSION)
_PROOF_CHECK: Final = "proof"  # made whether it is named or not
_STATUS_CHECKS: Final = ("credentialStatus", "status")


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """What to issue.

    Attributes:
        credential: Unsecured, as it came; its form has not been checked.
        format: How to secure it.
        purposes: What statuses to give it: ``revocation``, ``suspension``, both or none.
        credential_id: By what its status is found again; None for its own ``id``.
    """

    credential: JsonObject
    format: Format
    purposes: tuple[str, ...]
    credential_id: str | None


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to verify, and against what.

    Attributes:
        document: The credential or presentation, as it came.
        purpose: The proof purpose that is expected.
        challenge: None if any will do.
        domains: Empty if any will do.
        with_status: Whether to look at statuses.
        return_document: Whether the answer is to hold what was verified.
    """

    document: Json
    purpose: str
    challenge: str | None
    domains: Collection[str]
    with_status: bool
    return_document: bool


def parse_issue(data: bytes) -> IssueRequest:
    """The body of ``POST /credentials/issue``.

    Options: ``format`` (``did.vc.securing.Format``), or ``mediaType`` of what is issued, or
    ``cryptosuite`` and ``type`` of a proof; ``statusPurpose``, or ``credentialStatus`` with that;
    ``credentialId``.

    Raises:
        Invalid: ``invalid_vc_api_request``, or as ``did.strict_json.parse``.
    """
    body = parse_object(data)
    credential, options = body.get("credential"), _options(body)
    if not isinstance(credential, dict):
        raise _wrong("credential is not an object")
    unknown = sorted(options.keys() - _ISSUE_OPTIONS)
    if unknown:
        raise _wrong(f"there is no option {shorten(unknown[0])}")
    for entry in _status_entries(options):
        unknown = sorted(entry.keys() - _STATUS_OPTIONS)
        if unknown:
            raise _wrong(f"there is no option {shorten(unknown[0])} of a credentialStatus")
    return IssueRequest(
        credential, _format(options), _purposes(options), _text(options, "credentialId")
    )


def parse_verify_credential(data: bytes) -> VerifyRequest:
    """The body of ``POST /credentials/verify``; raises as ``parse_issue``."""
    return _parse_verify(data, "verifiableCredential", ASSERTION)


def parse_verify_presentation(data: bytes) -> VerifyRequest:
    """The body of ``POST /presentations/verify``; raises as ``parse_issue``."""
    return _parse_verify(data, "verifiablePresentation", AUTHENTICATION)


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """What status to give a credential that was issued.

    Attributes:
        credential_id: Of the credential.
        purpose: ``revocation`` or ``suspension``.
        value: Whether it is set.
    """

    credential_id: str
    purpose: str
    value: bool


def parse_status(data: bytes) -> StatusRequest:
    """The body of ``POST /credentials/status``; raises as ``parse_issue``.

    ``credentialStatus`` names the purpose; ``status`` is true unless it says otherwise.
    """
    body = parse_object(data)
    credential_id, entry = _text(body, "credentialId"), body.get("credentialStatus")
    if credential_id is None or not isinstance(entry, dict):
        raise _wrong("credentialId or credentialStatus is missing")
    if len(purposes := _purposes({"credentialStatus": entry})) != 1:
        raise _wrong("credentialStatus does not name one statusPurpose")
    value = body.get("status", True)
    if not isinstance(value, bool):
        raise _wrong("status is neither true nor false")
    return StatusRequest(credential_id, purposes[0], value)


def _parse_verify(data: bytes, member: str, purpose: str) -> VerifyRequest:
    body = parse_object(data)
    if member not in body:
        raise _wrong(f"{member} is missing")
    options = _options(body)
    options = {name: value for name, value in options.items() if value is not None}
    checks, returns = _checks(options), [_flag(options, name) for name in _RETURNS]
    return VerifyRequest(
        document=body[member],
        purpose=_some_text(options, "expectedProofPurpose") or purpose,
        challenge=_some_text(options, "challenge"),
        domains=_domains(options),
        with_status=not checks or any(name in checks for name in _STATUS_CHECKS),
        return_document=any(returns),
    )


def _checks(options: JsonObject) -> list[Json]:
    """The ``checks`` that are asked for; none for all of them, as test suites ask."""
    checks = options.get("checks", [])
    if not isinstance(checks, list):
        raise _wrong("checks is not a list of strings")
    for name in checks:
        if name not in (_PROOF_CHECK, *_STATUS_CHECKS):
            raise _wrong(f"checks has {shorten(name)}; there are {_PROOF_CHECK}, credentialStatus")
    return checks


def _domains(options: JsonObject) -> tuple[str, ...]:
    if "domain" not in options:
        return ()
    domain = options["domain"]
    domains = domain if isinstance(domain, list) else [domain]
    texts = tuple(each for each in domains if isinstance(each, str) and each)
    if not texts or len(texts) != len(domains):
        raise _wrong("domain is neither a string nor a list of strings, or is empty")
    return texts


def _flag(options: JsonObject, name: str) -> bool:
    value = options.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(f"{name} is neither true nor false")
    return value


def _some_text(options: JsonObject, name: str) -> str | None:
    text = _text(options, name)
    if text == "":
        raise _wrong(f"{name} is empty")
    return text


_RETURNS: Final = ("returnCredential", "returnPresentation")


_ISSUE_OPTIONS: Final = frozenset(
    {
        "credentialId",
        "credentialStatus",
        "cryptosuite",
        "format",
        "mediaType",
        "proofPurpose",
        "statusPurpose",
        "type",
    }
)
# The issuer says itself where a status stands, and of how many bits it is.
_STATUS_OPTIONS: Final = frozenset({"type", "statusPurpose"})
_FIXED: Final[Mapping[str, str]] = {
    "cryptosuite": CRYPTOSUITE,
    "type": PROOF_TYPE,
    "proofPurpose": ASSERTION,
}


def _options(body: JsonObject) -> JsonObject:
    options = body.get("options")
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise _wrong("options is not an object")
    return options


def _format(options: JsonObject) -> Format:
    for name, due in _FIXED.items():
        if options.get(name, due) != due:
            raise _wrong(f"the {name} that is supported is {due}")
    named = _text(options, "format")
    if named is not None and named not in list(Format):
        raise _wrong(f"the formats are {', '.join(Format)}")
    media_type = _text(options, "mediaType")
    of_type = None if media_type is None else format_of_media_type(media_type)
    if media_type is not None and of_type is None:
        raise _wrong("this mediaType cannot be issued")
    asked = {found for found in (named and Format(named), of_type) if found}
    if "cryptosuite" in options or "type" in options:
        asked.add(Format.LDP_VC)
    if len(asked) > 1:
        raise _wrong("the options ask for several formats at once")
    return next(iter(asked), Format.LDP_VC)


def _purposes(options: JsonObject) -> tuple[str, ...]:
    entries = _status_entries(options)
    named: list[Json] = [entry.get("statusPurpose", REVOCATION) for entry in entries]
    given = options.get("statusPurpose", [])
    named += given if isinstance(given, list) else [given]
    for purpose in named:
        if purpose not in STATUS_PURPOSES:
            raise _wrong(f"a statusPurpose is one of {', '.join(STATUS_PURPOSES)}")
    return tuple(purpose for purpose in STATUS_PURPOSES if purpose in named)


def _status_entries(options: JsonObject) -> list[JsonObject]:
    value = options.get("credentialStatus", [])
    entries = []
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, dict) or entry.get("type", ENTRY_TYPE) != ENTRY_TYPE:
            raise _wrong(f"a credentialStatus is not a {ENTRY_TYPE}")
        entries.append(entry)
    return entries


def _text(values: JsonObject, name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"{name} is not a string")
    return value


def _wrong(message: str) -> Invalid:
    return Invalid(
        "invalid_vc_api_request",
        message,
        step="read the request",
        hint="see docs/reference/http-apis.md for members and options",
    )
