"""Our errors by the names that Bitstring Status List 1.0 gives them (section 3.5).

For interfaces that answer in the specification's terms: this is the one table from ``code`` to
problem type. What a list says (``revoked``, ``suspended``) is a status and no error, and has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from did.errors import KeybornError

_STATUS_LIST: Final = "https://www.w3.org/ns/credentials/status-list#"
_DATA_MODEL: Final = "https://www.w3.org/TR/vc-data-model#"  # VC Data Model 2.0, section 7.4


@dataclass(frozen=True, slots=True)
class StatusProblem:
    """A problem type (RFC 9457): its URL, and a title for people."""

    type: str
    title: str


RETRIEVAL: Final = StatusProblem(
    f"{_STATUS_LIST}STATUS_RETRIEVAL_ERROR", "The status list could not be retrieved"
)
VERIFICATION: Final = StatusProblem(
    f"{_STATUS_LIST}STATUS_VERIFICATION_ERROR", "The status could not be verified"
)
LENGTH: Final = StatusProblem(
    f"{_STATUS_LIST}STATUS_LIST_LENGTH_ERROR", "The status list is too short for herd privacy"
)
MALFORMED: Final = StatusProblem(f"{_DATA_MODEL}MALFORMED_VALUE_ERROR", "A value is malformed")
RANGE: Final = StatusProblem(f"{_DATA_MODEL}RANGE_ERROR", "A value is out of range")

STATUS_PROBLEMS: Final[Mapping[str, StatusProblem]] = {
    "invalid_status_entry": MALFORMED,
    "invalid_status_list": MALFORMED,
    "status_list_too_short": LENGTH,
    "status_index_out_of_range": RANGE,
    "status_list_not_found": RETRIEVAL,
    "status_unavailable": RETRIEVAL,
    "status_stale": RETRIEVAL,
    "status_not_trusted": RETRIEVAL,
    "status_invalid": VERIFICATION,
    "status_expired": VERIFICATION,
    "status_rolled_back": VERIFICATION,
    "status_issuer_mismatch": VERIFICATION,
    "status_purpose_mismatch": VERIFICATION,
    "status_purpose_unknown": VERIFICATION,
    "status_size_mismatch": VERIFICATION,
    "status_key_not_current": VERIFICATION,
    "status_key_compromised": VERIFICATION,
}


def status_problem(error: KeybornError) -> StatusProblem | None:
    """What the specification calls ``error``; None for what is no error of its.

    ``status_invalid`` is called by what it was raised from, if that has a name: a list that is not
    valid because its bits are malformed is *malformed*.
    """
    cause = error.__cause__ if error.code == "status_invalid" else None
    found = STATUS_PROBLEMS.get(error.code)
    return STATUS_PROBLEMS.get(cause.code, found) if isinstance(cause, KeybornError) else found
