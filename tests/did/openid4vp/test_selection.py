"""What a query selects of a holder's credentials, and what satisfies it."""

from typing import Any

import pytest

from did.errors import Invalid, Refused
from did.openid4vp.dcql import Query, parse_query
from did.openid4vp.selection import (
    Candidate,
    check_satisfied,
    claims_at,
    match,
    select,
    w3c_types,
)
from did.vc.credential import CREDENTIALS_CONTEXT, TERMS

# The example of section 7.3 of the specification, put in other words.
CREDENTIAL: dict[str, Any] = {
    "name": "Ada",
    "address": {"street": "Main Street 1", "town": "Here"},
    "degrees": [{"type": "first", "at": "There"}, {"type": "second", "at": "There"}],
    "nationalities": ["one", "other"],
    "empty": [],
    "none": None,
    "flag": True,
    "count": 1,
}


def query(*credentials: dict[str, Any], sets: list[dict[str, Any]] | None = None) -> Query:
    whole = [{"format": "ldp_vc", "meta": {}, **each} for each in credentials]
    value: dict[str, Any] = {"credentials": whole}
    return parse_query(value if sets is None else {**value, "credential_sets": sets})


def holds(name: str, *types: str, **changes: Any) -> Candidate:
    values: dict[str, Any] = {"format": "ldp_vc", "claims": {"name": name}, **changes}
    return Candidate(name, types=frozenset(types), **values)


def picked(asked: Query, *held: Candidate, optional: bool = False) -> dict[str, list[str]]:
    picks = select(asked, held, optional=optional)
    return {each.query.id: [found.candidate.name for found in each.matches] for each in picks}


def is_refused(asked: Query, *held: Candidate) -> bool:
    try:
        select(asked, held)
    except Refused as error:
        return error.code == "no_matching_credential"
    return False


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (["name"], ["Ada"]),
        (["address"], [CREDENTIAL["address"]]),
        (["address", "street"], ["Main Street 1"]),
        (["degrees", None, "type"], ["first", "second"]),
        (["degrees", 1, "type"], ["second"]),
        (["degrees", None], CREDENTIAL["degrees"]),
        (["nationalities", 1], ["other"]),
        (["nationalities", 2], []),
        (["nationalities", None], ["one", "other"]),
        (["nationalities", None, 0], []),
        (["empty", None], []),
        (["empty"], [[]]),
        (["none"], [None]),
        (["none", "x"], []),
        (["absent"], []),
        (["name", 0], []),
        (["name", None], []),
        (["address", 0], []),
        (["address", None], []),
        (["degrees", "type"], []),
        (["degrees", None, "absent"], []),
        ([0], []),
        ([None], []),
    ],
)
def test_where_a_path_points(path: list[Any], found: list[Any]) -> None:
    assert list(claims_at(path, CREDENTIAL)) == found


def test_a_path_passes_over_what_lacks_the_claim_and_stops_at_what_cannot_have_it() -> None:
    mixed = {"list": [{"a": 1}, {"b": 2}, {"a": 3}]}
    assert list(claims_at(["list", None, "a"], mixed)) == [1, 3]
    assert list(claims_at(["list", None, "a"], {"list": [{"a": 1}, "text"]})) == []
    assert list(claims_at(["list", None, 0], {"list": [[1], [], [2]]})) == [1, 2]


@pytest.mark.parametrize(
    ("path", "values", "holds_it"),
    [
        (["name"], ["Ada"], True),
        (["name"], ["ada", "Ada "], False),
        (["flag"], [True], True),
        (["flag"], [1], False),
        (["flag"], ["true"], False),
        (["count"], [1], True),
        (["count"], [True], False),
        (["count"], ["1"], False),
        (["nationalities", None], ["other"], True),
        (["nationalities"], ["one"], False),
        (["none"], ["None", 0, False], False),
        (["absent"], ["x"], False),
    ],
)
def test_values_are_matched_with_their_type(
    path: list[Any], values: list[Any], *, holds_it: bool
) -> None:
    asked = query({"id": "a", "claims": [{"path": path, "values": values}]})
    candidate = holds("it", claims=CREDENTIAL)
    assert (match(asked.credentials[0], candidate) is not None) is holds_it


def test_all_types_of_one_alternative() -> None:
    asked = query({"id": "a", "meta": {"type_values": [["A", "B"], ["C"]]}})
    for types, fits in ((["A"], False), (["A", "B", "X"], True), (["C"], True), ([], False)):
        assert is_refused(asked, holds("it", *types)) is not fits


def test_another_format_is_another_credential() -> None:
    asked = query({"id": "a", "format": "vc+jwt"})
    assert is_refused(asked, holds("it"))
    assert picked(asked, holds("it", format="vc+jwt")) == {"a": ["it"]}


def test_a_credential_that_its_holder_cannot_prove_to_hold() -> None:
    free = holds("ticket", holder_bound=False)
    assert is_refused(query({"id": "a"}), free)
    unbound = query({"id": "a", "require_cryptographic_holder_binding": False})
    assert picked(unbound, free) == {"a": ["ticket"]}
    assert picked(unbound, holds("bound")) == {"a": ["bound"]}


def test_one_of_the_trusted_authorities() -> None:
    asked = query(
        {
            "id": "a",
            "trusted_authorities": [
                {"type": "aki", "values": ["x", "y"]},
                {"type": "etsi_tl", "values": ["https://list.example"]},
            ],
        }
    )
    assert is_refused(asked, holds("none"))
    assert is_refused(asked, holds("other", authorities=frozenset({("etsi_tl", "x")})))
    for authority in (("aki", "y"), ("etsi_tl", "https://list.example")):
        assert picked(asked, holds("it", authorities=frozenset({authority}))) == {"a": ["it"]}


def test_the_first_combination_of_claims_that_is_there() -> None:
    claims = [{"id": name, "path": [name]} for name in ("name", "absent", "count")]
    both = query({"id": "a", "claims": claims, "claim_sets": [["absent"], ["name", "count"]]})
    (pick,) = select(both, [holds("it", claims=CREDENTIAL)])
    assert [claim.id for claim in pick.matches[0].claims] == ["name", "count"]
    assert is_refused(query({"id": "a", "claims": claims}), holds("it", claims=CREDENTIAL))


def test_all_credentials_are_asked_for_where_there_are_no_sets() -> None:
    asked = query(
        {"id": "a", "meta": {"type_values": [["A"]]}}, {"id": "b", "meta": {"type_values": [["B"]]}}
    )
    assert is_refused(asked, holds("it", "A"))
    assert picked(asked, holds("it", "A"), holds("its", "B")) == {"a": ["it"], "b": ["its"]}
    assert picked(asked, holds("both", "A", "B")) == {"a": ["both"], "b": ["both"]}


def test_one_credential_unless_several_are_asked_for() -> None:
    held = [holds("first"), holds("second"), holds("other", format="vc+jwt")]
    assert picked(query({"id": "a"}), *held) == {"a": ["first"]}
    assert picked(query({"id": "a", "multiple": True}), *held) == {"a": ["first", "second"]}


def test_the_first_option_that_can_be_had_whole() -> None:
    asked = query(
        *({"id": id_, "meta": {"type_values": [[id_]]}} for id_ in "abcd"),
        sets=[{"options": [["a", "b"], ["c"]]}, {"options": [["d"]], "required": False}],
    )
    a, b, c, d = (holds(id_, id_) for id_ in "abcd")
    assert picked(asked, c, b) == {"c": ["c"]}
    assert picked(asked, a, b, c) == {"a": ["a"], "b": ["b"]}
    assert is_refused(asked, a, d)
    assert picked(asked, c, d) == {"c": ["c"]}
    assert picked(asked, c, d, optional=True) == {"c": ["c"], "d": ["d"]}
    assert picked(asked, c, optional=True) == {"c": ["c"]}


def test_where_nothing_is_required_nothing_is_presented_unasked() -> None:
    asked = query({"id": "a"}, sets=[{"options": [["a"]], "required": False}])
    assert picked(asked, holds("it")) == {}
    assert picked(asked, holds("it"), optional=True) == {"a": ["it"]}


def judged(asked: Query, presented: dict[str, list[Candidate]]) -> str | None:
    """The code of the refusal; None where the answer will do."""
    try:
        check_satisfied(asked, presented)
    except Invalid as error:
        return error.code
    except Refused as error:
        return error.code if error.code == "query_not_satisfied" else f"refused: {error.code}"
    return None


def test_what_satisfies_a_query() -> None:
    asked = query(
        {"id": "a", "meta": {"type_values": [["A"]]}},
        {"id": "b", "meta": {"type_values": [["B"]]}, "multiple": True},
    )
    a, b = holds("a", "A"), holds("b", "B")
    assert judged(asked, {"a": [a], "b": [b]}) is None
    assert judged(asked, {"a": [a], "b": [b, b]}) is None
    assert judged(asked, {"a": [a]}) == "query_not_satisfied"
    assert judged(asked, {"b": [b]}) == "query_not_satisfied"
    assert judged(asked, {}) == "query_not_satisfied"
    assert judged(asked, {"a": [b], "b": [a]}) == "query_not_satisfied"
    assert judged(asked, {"a": [a], "b": [b, a]}) == "query_not_satisfied"
    assert judged(asked, {"a": [a, a], "b": [b]}) == "invalid_vp_token"
    assert judged(asked, {"a": [a], "b": []}) == "invalid_vp_token"
    assert judged(asked, {"a": [a], "b": [b], "c": [a]}) == "invalid_vp_token"


def test_what_satisfies_sets() -> None:
    asked = query(
        *({"id": id_} for id_ in "abcde"),
        sets=[{"options": [["a", "b"], ["c"]]}, {"options": [["d"]], "required": False}],
    )
    it = [holds("it")]
    for ids, code in (
        ("ab", None),
        ("c", None),
        ("abc", None),
        ("cd", None),
        ("a", "query_not_satisfied"),
        ("d", "query_not_satisfied"),
        ("ad", "query_not_satisfied"),
        ("ce", "invalid_vp_token"),  # which no set asks for
    ):
        assert judged(asked, dict.fromkeys(ids, it)) == code


def test_types_as_written_and_as_iris() -> None:
    base = "https://www.w3.org/2018/credentials#VerifiableCredential"
    undefined = "https://www.w3.org/ns/credentials/undefined-term#"
    document: dict[str, Any] = {
        "@context": [CREDENTIALS_CONTEXT, TERMS],
        "type": ["VerifiableCredential", "DeviceX", "https://example.org/Type"],
    }
    assert w3c_types(document) == {
        "VerifiableCredential",
        base,
        "DeviceX",
        f"{undefined}DeviceX",
        "https://example.org/Type",
    }
    plain = {**document, "@context": [CREDENTIALS_CONTEXT]}
    assert w3c_types(plain) == w3c_types(document) - {f"{undefined}DeviceX"}
    assert w3c_types({"type": "VerifiableCredential"}) == {"VerifiableCredential"}
    assert w3c_types({"type": [1, {}], "@context": {}}) == frozenset()
