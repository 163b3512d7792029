"""``GET /v1/status/{name}``: what is asked for, what may be cached, and for how long."""

from collections.abc import Iterator

import httpx
import pytest
from actors import DEVICE
from issuing import World, issuing

from did.vc.formats import Format, media_type, read_credential
from did.vc.status_list import REVOCATION
from issuer import inventory


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that change nothing."""
    with issuing(tmp_path_factory.mktemp("issuer")) as world:
        world.enrol(DEVICE)
        yield world


@pytest.fixture
def changing(world: World) -> World:
    """For tests that change something, or let time pass."""
    world.enrol(DEVICE)
    return world


def get(world: World, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.http.get("/v1/status/revocation-1", headers=named)


@pytest.mark.parametrize("format_", [Format.LDP_VC, Format.VC_JWT, Format.VC_COSE])
def test_a_list_in_each_format(published: World, format_: Format) -> None:
    answer = get(published, accept=media_type(format_))
    assert answer.headers["content-type"] == media_type(format_)
    credential = read_credential(answer.content, format_)
    credential.proof.verify(published.issuer.identity.key)
    default = read_credential(get(published).content, Format.LDP_VC)
    assert credential.subject == default.subject
    assert (credential.id, credential.valid_from) == (default.id, default.valid_from)
    assert get(published, accept=media_type(format_)).content == answer.content


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ("*/*", "application/vc"),
        ("", "application/vc"),
        ("application/json", "application/json"),
        ("application/ld+json, application/json", "application/ld+json"),
        ("application/*", "application/vc"),
        ("text/html, application/vc+jwt", "application/vc+jwt"),
        ("application/vc;q=0.5, application/vc+cose", "application/vc+cose"),
        ("application/vc;q=0, application/vc+jwt;q=0.1", "application/vc+jwt"),
        ("Application/VC+JWT; charset=utf-8", "application/vc+jwt"),
        ("application/vc+jwt;q=much, application/vc", "application/vc"),
    ],
)
def test_what_is_accepted(published: World, accept: str, served: str) -> None:
    """The JSON-LD loader of the W3C's suites reads what is called JSON alone."""
    answer = get(published, accept=accept)
    assert answer.headers["content-type"] == served
    assert answer.headers["vary"] == "accept"
    if served not in ("application/vc+jwt", "application/vc+cose"):
        assert answer.json()["type"][1] == "BitstringStatusListCredential"


@pytest.mark.parametrize("accept", ["text/html", "application/vc;q=0", "application/jwt"])
def test_what_it_is_not_had_as(published: World, accept: str) -> None:
    answer = get(published, accept=accept)
    assert answer.status_code == 406
    assert answer.json()["code"] == "media_type_not_served"


def test_the_newest_is_not_sent_again(changing: World) -> None:
    first = get(changing)
    etag = first.headers["etag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = get(changing, if_none_match=condition)
        assert (again.status_code, again.content) == (304, b"")
        assert {name: again.headers[name] for name in ("etag", "cache-control", "vary")} == {
            "etag": etag,
            "cache-control": first.headers["cache-control"],
            "vary": "accept",
        }
    for condition in ('"other"', etag.strip('"'), ""):
        assert get(changing, if_none_match=condition).content == first.content

    inventory.revoke(changing.issuer.engine, DEVICE.did, at=changing.clock())
    changed = get(changing, if_none_match=etag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


def test_each_format_has_its_own_etag(published: World) -> None:
    json = get(published).headers["etag"]
    token = get(published, accept="application/vc+jwt", if_none_match=json)
    assert token.status_code == 200
    assert token.headers["etag"] != json


def test_it_may_be_cached_for_as_long_as_its_ttl_says(changing: World) -> None:
    assert get(changing).headers["cache-control"] == "public, max-age=300"
    changing.clock.advance(100)
    answer = get(changing)
    assert answer.headers["cache-control"] == "public, max-age=200"
    subject = read_credential(answer.content).subject
    assert (subject["ttl"], subject["statusPurpose"]) == (300_000, REVOCATION)


def test_it_is_asked_for_by_head_too(published: World) -> None:
    whole = get(published)
    head = published.http.head("/v1/status/revocation-1")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == whole.headers["etag"]
