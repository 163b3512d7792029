"""Queries: what is well formed, and what is not."""

import json
from typing import Any

import pytest

from did.errors import Invalid
from did.limits import LIMITS
from did.openid4vp.dcql import (
    ClaimsQuery,
    CredentialQuery,
    CredentialSet,
    Query,
    TrustedAuthority,
    parse_query,
)

META = {"type_values": [["DeviceProvisioningCredential"]]}
ONE = {"id": "one", "format": "ldp_vc", "meta": META}
CLAIM = {"path": ["credentialSubject", "model"]}


def query(**changes: Any) -> dict[str, Any]:
    """A query for one credential, with changes to that."""
    return {"credentials": [{**ONE, **changes}]}


def problem(value: Any) -> str:
    with pytest.raises(Invalid) as caught:
        parse_query(value)
    assert caught.value.code == "invalid_dcql_query"
    assert caught.value.hint
    return caught.value.message


def test_a_query_with_everything_in_it() -> None:
    document: dict[str, Any] = {
        "credentials": [
            {
                "id": "a-Credential_1",
                "format": "jwt_vc_json",
                "multiple": True,
                "meta": {"type_values": [["A", "B"], ["C"]]},
                "trusted_authorities": [{"type": "aki", "values": ["s9tI", "x"]}],
                "require_cryptographic_holder_binding": False,
                "claims": [
                    {"id": "a", "path": ["a", None, 0], "values": ["x", 1, True]},
                    {"id": "b", "path": ["b"]},
                ],
                "claim_sets": [["a", "b"], ["b"], []],
            },
            ONE,
        ],
        "credential_sets": [
            {"options": [["a-Credential_1", "one"], ["one"]]},
            {"options": [["one"]], "required": False},
        ],
    }
    assert parse_query(document) == Query(
        (
            CredentialQuery(
                "a-Credential_1",
                "jwt_vc_json",
                (frozenset({"A", "B"}), frozenset({"C"})),
                multiple=True,
                holder_binding=False,
                authorities=(TrustedAuthority("aki", ("s9tI", "x")),),
                claims=(
                    ClaimsQuery(("a", None, 0), "a", ("x", 1, True)),
                    ClaimsQuery(("b",), "b"),
                ),
                claim_sets=(("a", "b"), ("b",), ()),
            ),
            CredentialQuery("one", "ldp_vc", (frozenset({"DeviceProvisioningCredential"}),)),
        ),
        (
            CredentialSet((("a-Credential_1", "one"), ("one",))),
            CredentialSet((("one",),), required=False),
        ),
    )
    assert parse_query(document).document == document


def test_what_is_left_out_has_the_value_that_the_specification_gives_it() -> None:
    (credential,) = parse_query(query()).credentials
    assert (credential.multiple, credential.holder_binding) == (False, True)
    assert (credential.authorities, credential.claims, credential.claim_sets) == ((), (), ())
    (set_,) = parse_query({**query(), "credential_sets": [{"options": [["one"]]}]}).sets
    assert set_.required


def test_unknown_members_are_ignored_wherever_they_stand() -> None:
    unknown = {"x": [{"y": None}]}
    value = {
        "credentials": [
            {
                **ONE,
                "meta": {**META, **unknown},
                "claims": [{**CLAIM, **unknown}],
                "trusted_authorities": [{"type": "aki", "values": ["v"], **unknown}],
                **unknown,
            }
        ],
        "credential_sets": [{"options": [["one"]], **unknown}],
        **unknown,
    }
    plain = {
        "credentials": [
            {
                **ONE,
                "claims": [CLAIM],
                "trusted_authorities": [{"type": "aki", "values": ["v"]}],
            }
        ],
        "credential_sets": [{"options": [["one"]]}],
    }
    assert parse_query(value) == parse_query(plain)


@pytest.mark.parametrize(
    ("format_", "meta", "types"),
    [
        ("ldp_vc", {}, None),
        ("ldp_vc", {"type_values": [["A"], ["B", "C"]]}, ({"A"}, {"B", "C"})),
        ("jwt_vc_json", {"type_values": [["A"]]}, ({"A"},)),
        ("vc+jwt", {"type_values": [["A"]]}, ({"A"},)),
        ("vc+cose", {"type_values": [["A"]]}, ({"A"},)),
        ("dc+sd-jwt", {"vct_values": ["u", "v"]}, ({"u"}, {"v"})),
        ("mso_mdoc", {"doctype_value": "org.iso.18013.5.1.mDL"}, ({"org.iso.18013.5.1.mDL"},)),
        ("something-new", {"anything": 1}, None),
    ],
)
def test_the_types_that_meta_asks_for(
    format_: str, meta: dict[str, Any], types: tuple[set[str], ...] | None
) -> None:
    (credential,) = parse_query(query(format=format_, meta=meta)).credentials
    assert credential.types == (None if types is None else tuple(map(frozenset, types)))


@pytest.mark.parametrize("value", [None, [], "x", 1, {}, {"credentials": []}, {"credentials": {}}])
def test_what_is_no_query(value: Any) -> None:
    problem(value)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": ""}, "credentials[0].id"),
        ({"id": "a b"}, "credentials[0].id"),
        ({"id": "ä"}, "credentials[0].id"),
        ({"id": "a\n"}, "credentials[0].id"),
        ({"id": 1}, "credentials[0].id"),
        ({"id": None}, "credentials[0].id"),
        ({"format": ""}, "credentials[0].format"),
        ({"format": None}, "credentials[0].format"),
        ({"meta": None}, "credentials[0].meta"),
        ({"meta": []}, "credentials[0].meta"),
        ({"meta": {"type_value": [["A"]]}}, "type_values"),
        ({"meta": {"type_values": []}}, "type_values"),
        ({"meta": {"type_values": ["A"]}}, "type_values[0]"),
        ({"meta": {"type_values": [[]]}}, "type_values[0]"),
        ({"meta": {"type_values": [["A", 1]]}}, "type_values[0]"),
        ({"meta": {"type_values": [["A"], [""]]}}, "type_values[1]"),
        ({"format": "dc+sd-jwt"}, "vct_values"),
        ({"format": "dc+sd-jwt", "meta": {"vct_values": "v"}}, "vct_values"),
        ({"format": "mso_mdoc"}, "doctype_value"),
        ({"multiple": "true"}, "multiple"),
        ({"multiple": None}, "multiple"),
        ({"require_cryptographic_holder_binding": 0}, "require_cryptographic_holder_binding"),
        ({"trusted_authorities": []}, "trusted_authorities"),
        ({"trusted_authorities": [{"type": "aki"}]}, "trusted_authorities[0].values"),
        ({"trusted_authorities": [{"values": ["x"]}]}, "trusted_authorities[0].type"),
        ({"trusted_authorities": [{"type": "aki", "values": []}]}, "trusted_authorities[0].values"),
        ({"trusted_authorities": ["aki"]}, "trusted_authorities[0]"),
        ({"claims": []}, "claims"),
        ({"claims": None}, "claims"),
        ({"claims": {}}, "claims"),
        ({"claims": ["a"]}, "claims[0]"),
        ({"claims": [{}]}, "claims[0].path"),
        ({"claims": [{"path": []}]}, "claims[0].path"),
        ({"claims": [{"path": "a"}]}, "claims[0].path"),
        ({"claims": [{"path": [-1]}]}, "claims[0].path[0]"),
        ({"claims": [{"path": ["a", True]}]}, "claims[0].path[1]"),
        ({"claims": [{"path": [1.0]}]}, "claims[0].path[0]"),
        ({"claims": [{"path": [["a"]]}]}, "claims[0].path[0]"),
        ({"claims": [{"path": ["a"] * (LIMITS.json_depth + 1)}]}, "claims[0].path"),
        ({"claims": [{**CLAIM, "values": []}]}, "claims[0].values"),
        ({"claims": [{**CLAIM, "values": [None]}]}, "claims[0].values"),
        ({"claims": [{**CLAIM, "values": [1.5]}]}, "claims[0].values"),
        ({"claims": [{**CLAIM, "values": [["x"]]}]}, "claims[0].values"),
        ({"claims": [{**CLAIM, "values": "x"}]}, "claims[0].values"),
        ({"claims": [{**CLAIM, "id": "a"}, {"path": ["b"], "id": "a"}]}, "claims"),
        ({"claims": [{**CLAIM, "id": ""}]}, "claims[0].id"),
        ({"claims": [{**CLAIM, "id": None}]}, "claims[0].id"),
        ({"claim_sets": [["a"]]}, "claim_sets"),
        ({"claims": [CLAIM], "claim_sets": [["a"]]}, "claim_sets"),
        ({"claims": [{**CLAIM, "id": "a"}], "claim_sets": []}, "claim_sets"),
        ({"claims": [{**CLAIM, "id": "a"}], "claim_sets": [["b"]]}, "claim_sets[0]"),
        ({"claims": [{**CLAIM, "id": "a"}], "claim_sets": ["a"]}, "claim_sets[0]"),
        ({"claims": [CLAIM] * (LIMITS.dcql_list + 1)}, "claims"),
    ],
)
def test_a_malformed_query_for_a_credential(changes: dict[str, Any], where: str) -> None:
    assert where in problem(query(**changes))


@pytest.mark.parametrize("name", ["id", "format", "meta"])
def test_what_a_query_for_a_credential_needs(name: str) -> None:
    value = {key: each for key, each in ONE.items() if key != name}
    assert f"credentials[0].{name}" in problem({"credentials": [value]})


def test_an_id_counts_once() -> None:
    assert "twice" in problem({"credentials": [ONE, ONE]})
    assert parse_query({"credentials": [ONE, {**ONE, "id": "One"}]})


@pytest.mark.parametrize(
    "sets",
    [
        [],
        None,
        {},
        ["one"],
        [{}],
        [{"options": []}],
        [{"options": ["one"]}],
        [{"options": [[]]}],
        [{"options": [["two"]]}],
        [{"options": [["one"]], "required": "no"}],
        [{"options": [["one", 1]]}],
        [{"options": [["one"]] * (LIMITS.dcql_list + 1)}],
    ],
)
def test_malformed_sets(sets: Any) -> None:
    assert "credential_sets" in problem({**query(), "credential_sets": sets})


def test_a_claim_that_is_asked_for_twice_counts_as_it_is_asked_for_first() -> None:
    value = query(claims=[{**CLAIM, "values": ["a"]}, {"path": ["b"]}, {**CLAIM, "values": ["b"]}])
    (credential,) = parse_query(value).credentials
    assert [claim.values for claim in credential.combinations()[0]] == [("a",), None]


def test_the_combinations_of_claims_come_in_the_verifiers_order() -> None:
    claims = [{"id": name, "path": [name]} for name in "abc"]
    (credential,) = parse_query(query(claims=claims, claim_sets=[["c", "a"], ["b"]])).credentials
    found = [[claim.id for claim in each] for each in credential.combinations()]
    assert found == [["c", "a"], ["b"]]


def test_a_query_is_found_by_its_id() -> None:
    parsed = parse_query(json.loads(json.dumps(query())))
    assert parsed.credential("one") is parsed.credentials[0]
    assert parsed.credential("two") is None
