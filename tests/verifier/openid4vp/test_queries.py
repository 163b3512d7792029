"""What a verifier asks."""

from typing import Any

import pytest
from formats import credential

from did.errors import KeybornError
from did.limits import LIMITS
from did.openid4vp.formats import candidate
from did.openid4vp.selection import select
from did.vc.credential import PROVISIONING
from did.vc.formats import Format, read_credential
from verifier.openid4vp.queries import askable_query, default_query
from verifier.trust_root import Policy


@pytest.mark.parametrize("format_", Format)
def test_a_provisioning_credential_in_any_format_will_do(format_: Format) -> None:
    held = candidate("it", read_credential(credential(format_), format_))
    (pick,) = select(default_query(Policy()), [held])
    assert pick.query.format == format_


def test_where_there_are_several_formats_the_standard_one_is_asked_for_first() -> None:
    held = [candidate(each, read_credential(credential(each), each)) for each in reversed(Format)]
    (pick,) = select(default_query(Policy()), held)
    assert pick.query.format == Format.LDP_VC
    assert pick.query.id == "device"


@pytest.mark.parametrize(
    ("policy", "fits"),
    [
        (Policy(models=("Lamp 3",)), True),
        (Policy(models=("Lamp 4", "Lamp 3")), True),
        (Policy(models=("Lamp 4",)), False),
        (Policy(roles=("light",)), True),
        (Policy(roles=("gate",)), False),
        (Policy(models=("Lamp 3",), roles=("gate",)), False),
        (Policy(models=tuple(f"Lamp {number}" for number in range(100, 200))), True),
    ],
)
def test_what_the_policy_would_refuse_is_not_asked_for(policy: Policy, *, fits: bool) -> None:
    """A query has room for some values only; with more, the policy alone decides."""
    held = candidate("it", read_credential(credential(Format.LDP_VC)))
    query = default_query(policy)
    if fits:
        assert select(query, [held])
    else:
        with pytest.raises(KeybornError, match="no_matching_credential"):
            select(query, [held])
    assert askable_query(query.document) == query


ONE: dict[str, Any] = {
    "id": "x",
    "format": "ldp_vc",
    "meta": {"type_values": [[PROVISIONING]]},
    "claims": [{"path": ["a"]}, {"path": ["b"]}],
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "mso_mdoc", "meta": {}}, "query_not_supported"),
        ({"format": "dc+sd-jwt", "meta": {}}, "query_not_supported"),
        ({"require_cryptographic_holder_binding": False}, "query_not_supported"),
        ({"trusted_authorities": [{"type": "aki", "values": ["x"]}]}, "query_not_supported"),
        ({"claims": [{"path": ["a"]}, {"path": ["a"], "values": ["x"]}]}, "invalid_dcql_query"),
        ({"claims": [{"path": ["x" * LIMITS.dcql_asked]}]}, "invalid_dcql_query"),
        ({"id": ""}, "invalid_dcql_query"),
    ],
)
def test_what_is_not_asked(changes: dict[str, Any], code: str) -> None:
    assert askable_query({"credentials": [ONE]})
    with pytest.raises(KeybornError) as caught:
        askable_query({"credentials": [{**ONE, **changes}]})
    assert caught.value.code == code
    assert caught.value.hint
