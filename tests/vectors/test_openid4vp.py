"""The examples of OpenID4VP 1.0, each parsed, and answered as its text says.

They are of formats, algorithms and DIDs of many kinds; what is not supported here is refused, and
what is only shown in part (``...``) is tried with the part filled in.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from published import vectors

from did.errors import Invalid, KeybornError, Refused
from did.multibase import base64url_encode
from did.openid4vp.client_id import Prefix, parse_client_id
from did.openid4vp.dcql import ClaimsQuery, parse_query
from did.openid4vp.formats import accepts, from_entry
from did.openid4vp.request import ANY_WALLET, open_request, read_request
from did.openid4vp.response import ErrorResponse, VpResponse, parse_form, parse_response
from did.openid4vp.selection import Candidate, claims_at, select, w3c_types
from did.strict_json import parse_object
from did.vc.formats import read_presentation

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    each["name"]: each for each in vectors("oid4vp/examples-1_0.json")["examples"]
}
IDENTITY: Final = "https://credentials.example.com/identity_credential"
SIMPLE: Final = {"family_name": "x", "given_name": "y", "address": {"street_address": "z"}}


def value(name: str) -> Any:
    return EXAMPLES[name]["json"]


def text(name: str) -> str:
    """A text without the line breaks that it is printed with."""
    return str(EXAMPLES[name]["text"]).replace("\n", "")


def w3c(name: str, format_: str, document: dict[str, Any]) -> Candidate:
    return Candidate(name, format_, w3c_types(document), document)


def jwt_vc() -> Candidate:
    return w3c("jwt_vc", "jwt_vc_json", value("credentials/jwt_vc.json")["vc"])


def ldp_vc() -> Candidate:
    return w3c("ldp_vc", "ldp_vc", value("credentials/ldp_vc.json"))


def sd_jwt(type_: str, claims: dict[str, Any]) -> Candidate:
    return Candidate(type_, "dc+sd-jwt", frozenset({type_}), claims)


def mdoc(type_: str, claims: dict[str, Any]) -> Candidate:
    return Candidate(type_, "mso_mdoc", frozenset({type_}), claims)


def answered(query: str, *held: Candidate, optional: bool = False) -> dict[str, list[ClaimsQuery]]:
    """By query, the claims that answer it."""
    picks = select(parse_query(value(query)), held, optional=optional)
    return {each.query.id: list(each.matches[0].claims) for each in picks}


def code(act: Callable[[], object]) -> str:
    with pytest.raises(KeybornError) as caught:
        act()
    return caught.value.code


def answers_the_query_of_its_format(query: str, own: Candidate, other: Candidate) -> None:
    (id_,) = answered(query, other, own)
    assert id_ == f"example_{own.name}"
    assert code(lambda: answered(query, other)) == "no_matching_credential"
    assert code(lambda: answered(query)) == "no_matching_credential"


def is_answered_by_an_sd_jwt(query: str, claims: dict[str, Any], *, lacking: str) -> None:
    it = sd_jwt(IDENTITY, claims)
    (found,) = answered(query, it).values()
    assert found
    less = {name: each for name, each in claims.items() if name != lacking}
    assert code(lambda: answered(query, sd_jwt(IDENTITY, less))) == "no_matching_credential"
    assert code(lambda: answered(query, sd_jwt("other", claims))) == "no_matching_credential"


def alternatives_of_claims() -> None:
    query = "query_lang/claims_alternatives.json"
    names = ["family_name", "locality", "region", "date_of_birth"]
    claims: dict[str, Any] = dict.fromkeys([*names, "postal_code"], "x")
    (first,) = answered(query, sd_jwt(IDENTITY, claims)).values()
    assert [claim.path for claim in first] == [(name,) for name in names]
    del claims["region"]
    (second,) = answered(query, sd_jwt(IDENTITY, claims)).values()
    assert [claim.id for claim in second] == ["a", "b", "e"]
    del claims["postal_code"]
    assert code(lambda: answered(query, sd_jwt(IDENTITY, claims))) == "no_matching_credential"


def alternatives_of_credentials() -> None:
    query = "query_lang/credentials_alternatives.json"
    person: dict[str, Any] = {**SIMPLE}
    pid = sd_jwt(IDENTITY, person)
    other = sd_jwt("https://othercredentials.example/pid", person)
    half = sd_jwt("https://credentials.example.com/reduced_identity_credential", person)
    place = {"postal_code": "x", "locality": "y", "region": "z"}
    rest = sd_jwt("https://cred.example/residence_credential", place)
    nice = sd_jwt("https://company.example/company_rewards", {"rewards_number": 1})
    assert set(answered(query, half, rest, other, pid)) == {"pid"}
    assert set(answered(query, half, rest, other)) == {"other_pid"}
    assert set(answered(query, half, rest)) == {"pid_reduced_cred_1", "pid_reduced_cred_2"}
    assert code(lambda: answered(query, half, nice)) == "no_matching_credential"
    assert set(answered(query, pid, nice)) == {"pid"}
    assert set(answered(query, pid, nice, optional=True)) == {"pid", "nice_to_have"}


def alternatives_of_mdocs() -> None:
    query = "query_lang/complex_mdoc.json"
    names = ["given_name", "family_name", "portrait", "resident_address", "resident_country"]
    claims = {"org.iso.18013.5.1": dict.fromkeys(names, "x")}
    licence, photo = mdoc("org.iso.18013.5.1.mDL", claims), mdoc("org.iso.23220.photoid.1", claims)
    assert set(answered(query, photo, licence)) == {"mdl-id"}
    assert set(answered(query, photo)) == {"photo_card-id"}
    assert set(answered(query, photo, optional=True)) == {"photo_card-id", "photo_card-address"}


def several_credentials() -> None:
    query = "query_lang/multi_credentials.json"
    person: dict[str, Any] = {**SIMPLE}
    pid = sd_jwt(IDENTITY, person)
    vehicle = mdoc(
        "org.iso.7367.1.mVRC",
        {"org.iso.7367.1": {"vehicle_holder": "x"}, "org.iso.18013.5.1": {"given_name": "y"}},
    )
    assert set(answered(query, vehicle, pid)) == {"pid", "mdl"}
    for one in (vehicle, pid):
        assert code(lambda one=one: answered(query, one)) == "no_matching_credential"  # type: ignore[misc] # bound now
    assert set(answered("query_lang/simple_mdoc.json", vehicle)) == {"my_credential"}


def values_to_match() -> None:
    query = "query_lang/value_matching_simple.json"
    doe: dict[str, Any] = {
        "family_name": "Doe",
        "given_name": "John",
        "address": {"street_address": "x"},
        "postal_code": "90211",
    }
    assert answered(query, sd_jwt(IDENTITY, doe))
    for changed in ({"family_name": "doe"}, {"postal_code": 90211}, {"postal_code": "90212"}):
        other = sd_jwt(IDENTITY, {**doe, **changed})
        assert code(lambda other=other: answered(query, other)) == "no_matching_credential"  # type: ignore[misc] # bound now


def the_unsecured_sd_jwt_has_not_all_that_the_simple_query_asks_for() -> None:
    claims = value("credentials/sd_jwt_vc_unsecured.json")
    query = "query_lang/simple.json"
    assert code(lambda: answered(query, sd_jwt(claims["vct"], claims))) == "no_matching_credential"
    claims = {**claims, "address": {"street_address": "x"}}
    assert answered(query, sd_jwt(claims["vct"], claims))


def the_secured_sd_jwt_discloses_nothing_by_itself() -> None:
    claims = value("credentials/sd_jwt_vc.json")
    assert claims_at(["vct"], claims) == (IDENTITY,)
    assert claims_at(["given_name"], claims) == ()
    assert (
        code(lambda: answered("query_lang/simple.json", sd_jwt(claims["vct"], claims)))
        == "no_matching_credential"
    )


def a_request_signed_with_an_algorithm_that_is_not_supported() -> None:
    header = value("request/request_header_client_id_did.json")
    payload = filled("request/request_object_client_id_did.json")
    parts = [base64url_encode(json.dumps(each).encode()) for each in (header, payload)]
    assert header["typ"] == "oauth-authz-req+jwt"
    assert code(lambda: open_request(".".join([*parts, "AAAA"]))) == "invalid_jwt"


def filled(name: str) -> dict[str, Any]:
    """An example with a query in the place of its dots."""
    query = json.dumps(value("query_lang/simple.json"))
    return parse_object(text(name).replace("{ ... }", query).replace("{...}", query).encode())


def a_request_with_a_redirect_uri() -> None:
    payload = filled("request/request_object_client_id_did.json")
    client = parse_client_id(payload["client_id"])
    assert (client.prefix, client.name) == (Prefix.DID, "did:example:123")
    payload = {**payload, "aud": ANY_WALLET}
    assert code(lambda: read_request(payload)) == "invalid_authorization_request"
    direct = {
        **{name: each for name, each in payload.items() if name != "redirect_uri"},
        "response_mode": "direct_post",
        "response_uri": payload["redirect_uri"],
    }
    asked = read_request(direct)
    assert asked.nonce == "n-0S6_WzA2Mj"
    assert asked.query == parse_query(value("query_lang/simple.json"))
    assert not accepts(asked.formats, "ldp_vc")


def a_request_for_the_digital_credentials_api(name: str) -> None:
    payload = {"client_id": "x509_san_dns:rp.example.com", **filled(name), "aud": ANY_WALLET}
    assert code(lambda: read_request(payload)) == "response_mode_not_supported"


def an_sd_jwt_in_a_vp_token(name: str) -> None:
    entry = text(name)
    read = parse_form({"vp_token": json.dumps({"my_credential": [entry]})})
    assert read == VpResponse({"my_credential": (entry,)})
    assert code(lambda: from_entry(entry, "dc+sd-jwt")) == "invalid_vp_token"
    assert code(lambda: from_entry(entry, "ldp_vc")) == "invalid_vp_token"


def claims_in_json_ld(name: str, *, found: bool) -> None:
    path = ["ld", "credentialSubject", "givenName"]
    assert claims_at(path, value(name)) == (("John",) if found else ())


def a_presentation_of_another_cryptosuite() -> None:
    presentation = value("response/ldp_vc.json")
    assert parse_client_id(presentation["proof"]["domain"]).prefix is Prefix.X509_SAN_DNS
    read = parse_response({"vp_token": {"example_ldp_vc": [presentation]}})
    assert isinstance(read, VpResponse)
    data, format_ = from_entry(read.vp_token["example_ldp_vc"][0], "ldp_vc")
    with pytest.raises(Invalid):
        read_presentation(data, format_)


def claims_for_an_audience(name: str) -> None:
    claims = value(name)
    assert parse_client_id(claims["aud"]).prefix is Prefix.X509_SAN_DNS
    with pytest.raises(Refused):
        parse_client_id(claims["aud"]).did()


def nothing_here_is_taken(name: str) -> None:
    formats = value(name)["vp_formats_supported"]
    for format_ in ("ldp_vc", "jwt_vc_json", "vc+jwt", "vc+cose", *formats):
        assert not accepts(formats, format_)


def is_an_error(name: str) -> None:
    said = value("digital_credentials_api/error_invalid_request.json")
    assert parse_response(said) == ErrorResponse(name)
    assert parse_form(said) == ErrorResponse(name)


def is_no_request_object(name: str) -> None:
    parts = [base64url_encode(json.dumps(each).encode()) for each in (value(name), {})]
    assert code(lambda: open_request(".".join([*parts, "AAAA"]))) == "invalid_jwt"


def is_no_token_of_ours(name: str) -> None:
    assert code(lambda: open_request(text(name))) == "invalid_jwt"


def is_for_a_client_without_prefix(name: str) -> None:
    assert parse_client_id(value(name)["aud"]).prefix is None


TRIED: Final[dict[str, Callable[[], None]]] = {
    "credentials/jwt_vc.json": lambda: answers_the_query_of_its_format(
        "request/dcql_jwt_vc.json", jwt_vc(), ldp_vc()
    ),
    "credentials/ldp_vc.json": lambda: answers_the_query_of_its_format(
        "request/dcql_ldp_vc.json", ldp_vc(), jwt_vc()
    ),
    "credentials/sd_jwt_vc.json": the_secured_sd_jwt_discloses_nothing_by_itself,
    "credentials/sd_jwt_vc_unsecured.json": (
        the_unsecured_sd_jwt_has_not_all_that_the_simple_query_asks_for
    ),
    "request/dcql_jwt_vc.json": lambda: answers_the_query_of_its_format(
        "request/dcql_jwt_vc.json", jwt_vc(), ldp_vc()
    ),
    "request/dcql_ldp_vc.json": lambda: answers_the_query_of_its_format(
        "request/dcql_ldp_vc.json", ldp_vc(), jwt_vc()
    ),
    "request/request_header_client_id_did.json": (
        a_request_signed_with_an_algorithm_that_is_not_supported
    ),
    "request/request_object_client_id_did.json": a_request_with_a_redirect_uri,
    "sd_jwt_vcld/01/kb_jwt_header.json": lambda: is_no_request_object(
        "sd_jwt_vcld/01/kb_jwt_header.json"
    ),
    "sd_jwt_vcld/01/kb_jwt_payload.json": lambda: is_for_a_client_without_prefix(
        "sd_jwt_vcld/01/kb_jwt_payload.json"
    ),
    "sd_jwt_vcld/01/kb_jwt_serialized.txt": lambda: is_no_token_of_ours(
        "sd_jwt_vcld/01/kb_jwt_serialized.txt"
    ),
    "sd_jwt_vcld/01/sd_jwt_issuance.txt": lambda: an_sd_jwt_in_a_vp_token(
        "sd_jwt_vcld/01/sd_jwt_issuance.txt"
    ),
    "sd_jwt_vcld/01/sd_jwt_jws_part.txt": lambda: is_no_token_of_ours(
        "sd_jwt_vcld/01/sd_jwt_jws_part.txt"
    ),
    "sd_jwt_vcld/01/sd_jwt_payload.json": lambda: claims_in_json_ld(
        "sd_jwt_vcld/01/sd_jwt_payload.json", found=False
    ),
    "sd_jwt_vcld/01/sd_jwt_presentation.txt": lambda: an_sd_jwt_in_a_vp_token(
        "sd_jwt_vcld/01/sd_jwt_presentation.txt"
    ),
    "sd_jwt_vcld/01/user_claims.json": lambda: claims_in_json_ld(
        "sd_jwt_vcld/01/user_claims.json", found=True
    ),
    "sd_jwt_vcld/01/verified_contents.json": lambda: claims_in_json_ld(
        "sd_jwt_vcld/01/verified_contents.json", found=True
    ),
    "response/jwt_vc.json": lambda: claims_for_an_audience("response/jwt_vc.json"),
    "response/kb_jwt_unsecured.json": lambda: claims_for_an_audience(
        "response/kb_jwt_unsecured.json"
    ),
    "response/ldp_vc.json": a_presentation_of_another_cryptosuite,
    "query_lang/claims_alternatives.json": alternatives_of_claims,
    "query_lang/complex_mdoc.json": alternatives_of_mdocs,
    "query_lang/credentials_alternatives.json": alternatives_of_credentials,
    "query_lang/multi_credentials.json": several_credentials,
    "query_lang/simple.json": lambda: is_answered_by_an_sd_jwt(
        "query_lang/simple.json", SIMPLE, lacking="address"
    ),
    "query_lang/simple_mdoc.json": several_credentials,
    "query_lang/value_matching_simple.json": values_to_match,
    "digital_credentials_api/error_invalid_request.json": lambda: is_an_error("invalid_request"),
    "digital_credentials_api/signed_request_payload.json": lambda: (
        a_request_for_the_digital_credentials_api(
            "digital_credentials_api/signed_request_payload.json"
        )
    ),
    "digital_credentials_api/signed_request_payload_compact.json": lambda: (
        a_request_for_the_digital_credentials_api(
            "digital_credentials_api/signed_request_payload_compact.json"
        )
    ),
    "client_metadata/mso_mdoc_verifier_metadata.json": lambda: nothing_here_is_taken(
        "client_metadata/mso_mdoc_verifier_metadata.json"
    ),
    "client_metadata/sd_jwt_vc_verifier_metadata.json": lambda: nothing_here_is_taken(
        "client_metadata/sd_jwt_vc_verifier_metadata.json"
    ),
    "client_metadata/w3c_jwt_verifier_metadata.json": lambda: nothing_here_is_taken(
        "client_metadata/w3c_jwt_verifier_metadata.json"
    ),
    "client_metadata/w3c_ldp_verifier_metadata.json": lambda: nothing_here_is_taken(
        "client_metadata/w3c_ldp_verifier_metadata.json"
    ),
}


def test_each_example_is_tried() -> None:
    assert TRIED.keys() == EXAMPLES.keys()
    assert len(EXAMPLES) == 34


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example(name: str) -> None:
    TRIED[name]()
