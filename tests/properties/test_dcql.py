"""Properties of queries: what is selected satisfies, and nothing else comes along."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from values import json_values

from did.errors import Invalid, Refused
from did.openid4vp.dcql import Query, parse_query
from did.openid4vp.selection import Candidate, Pick, check_satisfied, claims_at, match, select

NAMES = st.sampled_from("abc")
FORMATS = st.sampled_from(["ldp_vc", "vc+jwt"])
TYPES = st.sets(st.sampled_from("ABC"), max_size=3)
LEAVES = st.one_of(st.integers(0, 2), st.booleans(), st.sampled_from(["x", "y"]))
CLAIMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
CREDENTIALS = st.dictionaries(NAMES, CLAIMS, max_size=3)
PATHS = st.lists(st.one_of(NAMES, st.none(), st.integers(0, 2)), min_size=1, max_size=3)
CANDIDATES = st.builds(
    Candidate,
    name=st.text(max_size=3),
    format=FORMATS,
    types=TYPES.map(frozenset),
    claims=CREDENTIALS,
    holder_bound=st.booleans(),
)


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    """Well-formed ones, that the candidates have a fair chance to answer."""
    ids = draw(st.lists(st.sampled_from("pqrs"), min_size=1, max_size=4, unique=True))
    value: dict[str, Any] = {"credentials": [draw(credential_queries(id_)) for id_ in ids]}
    if draw(st.booleans()):
        some = st.lists(st.sampled_from(ids), min_size=1, max_size=3)
        value["credential_sets"] = draw(
            st.lists(
                st.fixed_dictionaries(
                    {"options": st.lists(some, min_size=1, max_size=3)},
                    optional={"required": st.booleans()},
                ),
                min_size=1,
                max_size=3,
            )
        )
    return value


@st.composite
def credential_queries(draw: st.DrawFn, id_: str) -> dict[str, Any]:
    alternatives = st.lists(st.lists(st.sampled_from("ABC"), min_size=1), min_size=1, max_size=2)
    value: dict[str, Any] = {
        "id": id_,
        "format": draw(FORMATS),
        "meta": draw(st.one_of(st.just({}), st.fixed_dictionaries({"type_values": alternatives}))),
        "multiple": draw(st.booleans()),
        "require_cryptographic_holder_binding": draw(st.booleans()),
    }
    paths = draw(st.lists(PATHS, max_size=3))
    if paths:
        value["claims"] = [{"id": f"c{place}", "path": path} for place, path in enumerate(paths)]
        if draw(st.booleans()):
            value["claims"][0]["values"] = draw(st.lists(LEAVES, min_size=1, max_size=3))
        if draw(st.booleans()):
            known = st.sampled_from([claim["id"] for claim in value["claims"]])
            value["claim_sets"] = draw(st.lists(st.lists(known), min_size=1, max_size=3))
    return value


def selected(query: Query, held: list[Candidate], *, optional: bool) -> tuple[Pick, ...] | None:
    try:
        return select(query, held, optional=optional)
    except Refused:
        return None


def shown(picks: tuple[Pick, ...]) -> dict[str, list[Candidate]]:
    return {pick.query.id: [each.candidate for each in pick.matches] for pick in picks}


@settings(max_examples=40)
@given(value=queries(), held=st.lists(CANDIDATES, max_size=4), optional=st.booleans())
def test_what_is_selected_satisfies_the_query_and_each_of_it_is_asked_for(
    *, value: dict[str, Any], held: list[Candidate], optional: bool
) -> None:
    query = parse_query(value)
    picks = selected(query, held, optional=optional)
    if picks is None:
        return
    check_satisfied(query, shown(picks))
    for pick in picks:
        assert len(pick.matches) == 1 or pick.query.multiple
        for found in pick.matches:
            assert found.candidate in held
            assert match(pick.query, found.candidate) == found
            assert all(claims_at(claim.path, found.candidate.claims) for claim in found.claims)


@settings(max_examples=40)
@given(
    value=queries(),
    held=st.lists(CANDIDATES, max_size=4),
    more=CANDIDATES,
    optional=st.booleans(),
)
def test_one_credential_more_never_takes_an_answer_away(
    *, value: dict[str, Any], held: list[Candidate], more: Candidate, optional: bool
) -> None:
    query = parse_query(value)
    before = selected(query, held, optional=optional)
    after = selected(query, [*held, more], optional=optional)
    if before is not None:
        assert after is not None
        if not any(match(each, more) for each in query.credentials):
            assert after == before


@settings(max_examples=40)
@given(queries(), st.lists(CANDIDATES, max_size=4))
def test_what_is_not_required_is_presented_only_when_told_to(
    value: dict[str, Any], held: list[Candidate]
) -> None:
    query = parse_query(value)
    least, most = (selected(query, held, optional=optional) for optional in (False, True))
    assert (least is None) == (most is None)
    if least is not None and most is not None:
        assert {pick.query.id for pick in least} <= {pick.query.id for pick in most}


@settings(max_examples=40)
@given(queries(), st.lists(CANDIDATES, max_size=4), st.data())
def test_an_answer_with_a_required_part_missing_does_not_satisfy(
    value: dict[str, Any], held: list[Candidate], data: st.DataObject
) -> None:
    query = parse_query({"credentials": value["credentials"]})
    picks = selected(query, held, optional=False)
    if picks is None:
        return
    whole = shown(picks)
    lost = data.draw(st.sampled_from(sorted(whole)))
    part = {id_: each for id_, each in whole.items() if id_ != lost}
    try:
        check_satisfied(query, part)
    except Refused as error:
        assert error.code == "query_not_satisfied"  # noqa: PT017 - there is no other way to it
    else:
        raise AssertionError(lost)


@settings(max_examples=40)
@given(queries())
def test_parsing_is_stable_and_ignores_what_it_does_not_know(value: dict[str, Any]) -> None:
    query = parse_query(value)
    assert parse_query(query.document) == query
    credentials = [{**each, "x-unknown": [1]} for each in value["credentials"]]
    assert parse_query({**value, "credentials": credentials, "purpose": "x"}) == query


@given(json_values)
def test_any_json_is_a_query_or_refused(value: Any) -> None:
    for each in (value, {"credentials": value}, {"credentials": [value]}):
        try:
            parse_query(each)
        except Invalid as error:
            assert error.code == "invalid_dcql_query"  # noqa: PT017 - most are refused


@given(PATHS, CREDENTIALS)
def test_a_path_selects_parts_of_the_credential(path: list[Any], claims: dict[str, Any]) -> None:
    found = claims_at(path, claims)
    whole = repr(claims)
    assert all(repr(each) in whole for each in found)
    if None not in path:
        assert len(found) <= 1
