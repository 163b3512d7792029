"""Our errors as problem details in the W3C's names."""

import pytest

from did.errors import Invalid, Refused
from did.vc import vc_problems
from did.vc.vc_problems import vc_problem


@pytest.mark.parametrize("code", [*vc_problems._TYPES, "of_no_specification"])
def test_a_problem_has_a_url_a_short_title_and_the_whole_message_as_detail(code: str) -> None:
    message = "the credential has a member that is not as it should be"
    problem = vc_problem(Invalid(code, message))
    assert str(problem["type"]).startswith(
        ("https://www.w3.org/TR/vc-data-model#", "https://w3id.org/security#", "urn:keyborn:code:")
    )
    assert problem["title"] == str(problem["title"]).upper() != ""
    assert len(str(problem["title"])) < 50
    assert str(problem["detail"]).startswith(message)


def test_what_to_do_is_in_the_detail() -> None:
    problem = vc_problem(Refused("credential_expired", "it has ended", hint="ask for a new one"))
    assert problem["detail"] == "it has ended; ask for a new one"
