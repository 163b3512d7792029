"""Requests while they are under way."""

from datetime import timedelta
from pathlib import Path

from actors import NOW

from did.challenge import Challenge
from did.openid4vp.dcql import parse_query
from did.openid4vp.request import ResponseMode
from verifier.openid4vp.requests import Request, Requests, Status, open_requests

QUERY = parse_query({"credentials": [{"id": "a", "format": "ldp_vc", "meta": {}, "x": [1]}]})
CHALLENGE = Challenge(
    "a-nonce", "decentralized_identifier:did:key:z6Mk", NOW + timedelta(minutes=2)
)


def begin(requests: Requests, **how: object) -> tuple[Request, str]:
    given: dict[str, object] = {"mode": ResponseMode.DIRECT_POST, "redirect_uri": None, "at": NOW}
    return requests.begin(CHALLENGE, QUERY, **{**given, **how})  # type: ignore[arg-type] # as named


def test_what_was_begun_is_there_for_another_process(tmp_path: Path) -> None:
    for mode in ResponseMode:
        with open_requests(tmp_path / "gate") as requests:
            begun, secret = begin(requests, mode=mode, redirect_uri="https://shop.example")
        with open_requests(tmp_path / "gate") as requests:
            assert requests.find(begun.id) == begun
            assert requests.find_secret(begun.id, secret) == begun
            assert requests.find_secret(begun.id, secret[:-1]) is None
            assert requests.find_secret("x", secret) is None
            assert requests.find("x") is None
    assert begun.query.document == QUERY.document
    assert (tmp_path / "gate" / "openid4vp.db").stat().st_mode & 0o777 == 0o600


def test_a_request_ends_once(tmp_path: Path) -> None:
    with open_requests(tmp_path) as requests:
        begun, _ = begin(requests, mode=ResponseMode.DIRECT_POST_JWT)
        assert requests.finish(begun, Status.ACCEPTED, {"a": 1}, code="a-code")
        assert not requests.finish(begun, Status.DECLINED, {"a": 2})
        found = requests.find(begun.id)
        assert found is not None
        assert (found.status, found.result, found.response_code) == (
            Status.ACCEPTED,
            {"a": 1},
            "a-code",
        )
        assert found.encryption is None


def test_what_ended_an_hour_ago_is_forgotten(tmp_path: Path) -> None:
    with open_requests(tmp_path) as requests:
        old, _ = begin(requests)
        begin(requests, at=NOW + timedelta(minutes=62))
        assert requests.find(old.id) is not None
        begin(requests, at=NOW + timedelta(minutes=62, seconds=1))
        assert requests.find(old.id) is None


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    with open_requests(tmp_path) as requests:
        begun, secret = begin(requests)
        assert begun.state not in repr(begun)
        assert secret.encode() not in (tmp_path / "openid4vp.db").read_bytes()
