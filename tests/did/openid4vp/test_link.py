"""Links that a holder is asked with."""

from urllib.parse import quote

import pytest

from did.errors import Invalid, KeybornError, Refused
from did.limits import LIMITS
from did.openid4vp.link import (
    FetchMethod,
    RequestLink,
    check_answered_at,
    check_url,
    origin,
    parse_link,
)

CLIENT = "decentralized_identifier:did:key:z6Mk"
URI = "https://gate.example/openid4vp/requests/1?x=y"


@pytest.mark.parametrize(
    "link",
    [
        RequestLink(CLIENT, URI),
        RequestLink(CLIENT, URI, method=FetchMethod.POST),
        RequestLink(CLIENT, None, request="eyJ.eyJ.AAAA"),
        RequestLink("ä&=?", "http://127.0.0.1:8103/r"),
    ],
)
def test_there_and_back(link: RequestLink) -> None:
    assert link.to_uri().startswith("openid4vp://?client_id=")
    assert parse_link(link.to_uri()) == link
    assert parse_link(f"  {link.to_uri()}\n") == link


def test_a_wallets_own_address_will_do_and_what_is_not_known_is_ignored() -> None:
    text = f"https://wallet.example/ask?nonce=1&client_id=c&request_uri={quote(URI)}&x=&dcql_query="
    assert parse_link(text) == RequestLink("c", URI)
    assert parse_link(f"openid4vp:?client_id=c&request_uri={quote(URI)}").request_uri == URI


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "invalid_authorization_request"),
        ("openid4vp://", "invalid_authorization_request"),
        ("openid4vp://?", "invalid_authorization_request"),
        ("openid-credential-offer://?client_id=c&request_uri=https://v.example", None),
        ("http://[::1?client_id=c", None),
        (f"openid4vp://?request_uri={URI}", None),
        (f"openid4vp://?client_id=&request_uri={URI}", None),
        (f"openid4vp://?client_id=c&client_id=d&request_uri={URI}", None),
        (f"openid4vp://?client_id=c&request_uri={URI}&request_uri={URI}", None),
        (f"openid4vp://?client_id=c&request_uri={URI}&request=eyJ", None),
        ("openid4vp://?client_id=c&request_uri=%ff", None),
        ("openid4vp://?client_id=c&request_uri=", None),
        ("openid4vp://?client_id=c&request_uri=file:///etc/passwd", None),
        ("openid4vp://?client_id=c&request_uri=//v.example/x", None),
        ("openid4vp://?client_id=" + "c" * LIMITS.request_link, None),
        (
            f"openid4vp://?client_id=c&request_uri={URI}&request_uri_method=POST",
            "invalid_request_uri_method",
        ),
        (
            f"openid4vp://?client_id=c&request_uri={URI}&request_uri_method=put",
            "invalid_request_uri_method",
        ),
        (
            "openid4vp://?client_id=c&request=eyJ&request_uri_method=get",
            "invalid_request_uri_method",
        ),
    ],
)
def test_malformed_links(text: str, code: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        parse_link(text)
    assert caught.value.code == (code or "invalid_authorization_request")


def test_a_request_that_nobody_signed() -> None:
    with pytest.raises(Refused) as caught:
        parse_link("openid4vp://?client_id=c&response_type=vp_token&nonce=n&dcql_query=%7B%7D")
    assert caught.value.code == "unsigned_request"


@pytest.mark.parametrize(
    "url",
    [
        "https://gate.example",
        "https://gate.example:8443/a/b?c=d",
        "http://localhost:1/x",
        "http://127.0.0.1:8103",
        "http://[::1]:8103/x",
    ],
)
def test_urls_that_are_encrypted_or_stay_here(url: str) -> None:
    assert check_url(url, "x") == url
    assert url.startswith(origin(url))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://gate.example/x", "insecure_verifier"),
        ("http://10.0.0.7/x", "insecure_verifier"),
        ("http://127.0.0.1.example/x", "insecure_verifier"),
        ("http://localhost.example/", "insecure_verifier"),
        ("https://user@gate.example/x", "invalid_authorization_request"),
        ("http://localhost@gate.example/x", "invalid_authorization_request"),
        ("https://gate.example:99999/x", "invalid_authorization_request"),
        ("https://gate.example:0/x", "invalid_authorization_request"),
        ("https://gate.example/x#y", "invalid_authorization_request"),
        ("https://gäte.example/x", "invalid_authorization_request"),
        ("https:///x", "invalid_authorization_request"),
        ("javascript:alert(1)", "invalid_authorization_request"),
        ("https://[x", "invalid_authorization_request"),
        (None, "invalid_authorization_request"),
        (1, "invalid_authorization_request"),
    ],
)
def test_urls_that_are_not(url: object, code: str) -> None:
    with pytest.raises(KeybornError) as caught:
        check_url(url, "x")  # type: ignore[arg-type] # hostile
    assert caught.value.code == code


def test_where_a_url_is() -> None:
    assert origin("https://gate.example:8443/a?b") == "https://gate.example:8443"


FETCHED = RequestLink("c", "https://gate.example/r")
ON_THIS_MACHINE = RequestLink("c", "http://127.0.0.1:8103/r")
BY_VALUE = RequestLink("c", None, "e30.e30.e30")


@pytest.mark.parametrize(
    ("url", "link", "named"),
    [
        ("https://gate.example/a", FETCHED, False),
        ("https://gate.example:443/a?b", FETCHED, False),
        ("http://127.0.0.1:8103/a", ON_THIS_MACHINE, False),
        ("https://anywhere.example/a", BY_VALUE, False),
        ("https://192.0.2.1/a", BY_VALUE, False),
        ("https://[2001:db8::1]/a", BY_VALUE, False),
        ("https://localhost.example/a", BY_VALUE, False),
        ("https://127.0.0.2/a", BY_VALUE, True),
        ("http://localhost:1/a", BY_VALUE, True),
    ],
)
def test_where_a_verifier_may_have_an_answer_sent(
    url: str, link: RequestLink, *, named: bool
) -> None:
    assert check_answered_at(url, link, named=named) == url


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("http://localhost/a", FETCHED),
        ("https://127.0.0.1/a", FETCHED),
        ("https://gate.example:8443/a", FETCHED),
        ("https://other.example/a", FETCHED),
        ("http://127.0.0.1:22/a", ON_THIS_MACHINE),
        ("http://localhost:8103/a", ON_THIS_MACHINE),
    ],
)
def test_where_it_may_not(url: str, link: RequestLink, *, named: bool) -> None:
    with pytest.raises(Refused, match="response_uri_elsewhere"):
        check_answered_at(url, link, named=named)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/a",
        "https://[::1]/a",
        # Regression: other spellings of the same were let through.
        "https://localhost./a",
        "https://gate.localhost/a",
        "https://127.0.0.2/a",
        "https://127.1/a",
        "https://2130706433/a",
        "https://0x7f.0.0.1/a",
        "https://0.0.0.0/a",
        "https://[::]/a",
        "https://[::ffff:127.0.0.1]/a",
    ],
)
def test_this_machine_by_a_request_that_is_in_the_link_itself(url: str) -> None:
    with pytest.raises(Refused, match="response_uri_elsewhere"):
        check_answered_at(url, BY_VALUE, named=False)
