import pytest

from did.errors import Invalid, Refused, Undecided
from did.vc.bitstring import decode_list, encode_list
from did.vc.status_list import StatusEntry
from did.vc.status_problems import STATUS_PROBLEMS, status_problem

STATUS = "https://www.w3.org/ns/credentials/status-list#"
DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"


def name_of(error: Invalid | Undecided | Refused) -> str | None:
    problem = status_problem(error)
    return None if problem is None else problem.type


@pytest.mark.parametrize(
    ("code", "type_"),
    [
        ("invalid_status_entry", f"{DATA_MODEL}MALFORMED_VALUE_ERROR"),
        ("invalid_status_list", f"{DATA_MODEL}MALFORMED_VALUE_ERROR"),
        ("status_index_out_of_range", f"{DATA_MODEL}RANGE_ERROR"),
        ("status_list_too_short", f"{STATUS}STATUS_LIST_LENGTH_ERROR"),
        ("status_unavailable", f"{STATUS}STATUS_RETRIEVAL_ERROR"),
        ("status_purpose_mismatch", f"{STATUS}STATUS_VERIFICATION_ERROR"),
        ("status_invalid", f"{STATUS}STATUS_VERIFICATION_ERROR"),
        ("revoked", None),
        ("untrusted_issuer", None),
    ],
)
def test_each_code_has_the_name_of_the_specification(code: str, type_: str | None) -> None:
    assert name_of(Invalid(code, "wrong")) == type_


def wrapped(cause: Exception, code: str = "status_invalid") -> Undecided:
    error = Undecided(code, "wrong")
    error.__cause__ = cause
    return error


def test_what_is_not_valid_is_called_by_why() -> None:
    with pytest.raises(Invalid) as caught:
        decode_list(encode_list(b""))
    assert name_of(wrapped(caught.value)) == f"{STATUS}STATUS_LIST_LENGTH_ERROR"
    with pytest.raises(Invalid) as caught:
        decode_list("z")
    assert name_of(wrapped(caught.value)) == f"{DATA_MODEL}MALFORMED_VALUE_ERROR"
    bad_proof = Invalid("bad_signature", "wrong")
    assert name_of(wrapped(bad_proof)) == f"{STATUS}STATUS_VERIFICATION_ERROR"
    assert name_of(wrapped(ValueError())) == f"{STATUS}STATUS_VERIFICATION_ERROR"


def test_what_a_server_says_gives_no_name() -> None:
    lie = Invalid("invalid_status_entry", "as the server says")
    assert name_of(wrapped(lie, "status_unavailable")) == f"{STATUS}STATUS_RETRIEVAL_ERROR"


def test_a_malformed_entry_is_malformed() -> None:
    with pytest.raises(Invalid) as caught:
        StatusEntry.from_json({"type": "BitstringStatusListEntry", "statusListIndex": True})
    assert name_of(caught.value) == f"{DATA_MODEL}MALFORMED_VALUE_ERROR"


def test_each_has_a_title() -> None:
    assert all(len(problem.title.split()) > 2 for problem in STATUS_PROBLEMS.values())
