"""Sessions over HTTP, over real sockets; the clock is the test's."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from actors import DEVICE, STRANGER
from gatehouse import Gatehouse
from operations import Life
from serving import serving

from did.errors import Undecided
from did.jcs import JsonObject
from did.timestamps import parse_time
from did.vc.formats import Format
from did.vc.status_list import REVOCATION, SUSPENSION
from keyborn.problem import MEDIA_TYPE
from verifier.app import create_app
from verifier.sessions.admission import Sessions
from verifier.sessions.session import LIFETIME, MAX_LIFETIME
from verifier.sessions.store import open_sessions
from verifier.trust_root import Policy, TrustedIssuer
from verifier.verifier import Verifier

HOLD = timedelta(minutes=5)  # of a list that is kept: its ttl, and max_status_age


class Gate:
    """A verifier at work, with sessions, and a device that is known there."""

    def __init__(self, house: Gatehouse, http: httpx.Client, verifier: Verifier) -> None:
        self.house = house
        self.http = http
        self.verifier = verifier
        self.device = house.device(DEVICE)

    def shown(self, credential: JsonObject | None = None) -> bytes:
        credential = credential or self.house.issuer.issue(DEVICE.short)
        challenge = self.verifier.challenge(at=self.house.now)
        return self.house.present(self.device, credential, challenge=challenge)

    def begin(self, credential: JsonObject | None = None) -> httpx.Response:
        return self.http.post("/v1/sessions", content=self.shown(credential))

    def opened(self, credential: JsonObject | None = None) -> str:
        answer = self.begin(credential)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def auth(self, token: str) -> httpx.Response:
        return self.http.get("/auth", headers={"authorization": f"Bearer {token}"})

    def end(self, token: str) -> httpx.Response:
        return self.http.delete("/v1/sessions", headers={"authorization": f"Bearer {token}"})


@contextmanager
def gate_of(
    house: Gatehouse, *issuers: TrustedIssuer, lifetime: timedelta = LIFETIME, **parts: Any
) -> Iterator[Gate]:
    verifier = house.verifier(*issuers, **parts)
    with open_sessions(house.directory / "verifier") as store:
        sessions = Sessions(verifier, store, lifetime=lifetime)
        app = create_app(verifier, now=lambda: house.now, sessions=sessions)
        with serving(app) as url, httpx.Client(base_url=url) as http:
            yield Gate(house, http, verifier)


@pytest.fixture
def gate(house: Gatehouse) -> Iterator[Gate]:
    house.policy = Policy(max_status_age=HOLD)
    with gate_of(house) as gate:
        yield gate


def code(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    return str(answer.json()["code"])


def test_opened_looked_at_closed(gate: Gate) -> None:
    answer = gate.begin()
    assert answer.status_code == 201
    said = answer.json()
    assert said["device"]["did"] == DEVICE.short.text
    assert len(said["decision"]["steps"]) == 16
    assert re.fullmatch("[A-Za-z0-9_-]{43}", said["token"])
    assert parse_time(said["expires"]) == gate.house.now + LIFETIME
    assert answer.headers["cache-control"] == "no-store"

    passes = gate.auth(said["token"])
    assert (passes.status_code, passes.content) == (204, b"")
    told = {name: text for name, text in passes.headers.items() if name.startswith("x-keyborn")}
    assert told == {
        "x-keyborn-device": DEVICE.short.text,
        "x-keyborn-issuer": gate.house.issuer.did.text,
        "x-keyborn-types": "DeviceProvisioningCredential",
        "x-keyborn-roles": "sensor",
    }
    head = gate.http.head("/auth", headers={"authorization": f"Bearer {said['token']}"})
    assert (head.status_code, head.headers["x-keyborn-device"]) == (204, DEVICE.short.text)

    assert gate.end(said["token"]).status_code == 204
    assert code(gate.auth(said["token"]), 401) == "unknown_session"
    assert code(gate.end(said["token"]), 401) == "unknown_session"


def test_no_token_and_another(gate: Gate) -> None:
    token = gate.opened()
    for none in (gate.http.get("/auth"), gate.http.delete("/v1/sessions")):
        assert code(none, 401) == "session_needed"
        assert none.headers["www-authenticate"] == 'Bearer realm="keyborn"'
        assert none.json()["step"] == "session"
    for wrong in ("x" * 43, "x", token + "x", token[:-1]):
        answer = gate.auth(wrong)
        assert code(answer, 401) == "unknown_session"
        invalid = 'Bearer realm="keyborn", error="invalid_token"'
        assert answer.headers["www-authenticate"] == invalid
    twice = [("authorization", f"Bearer {token}"), ("authorization", "Bearer x")]
    assert gate.http.get("/auth", headers=twice).status_code == 400
    assert gate.auth(token).status_code == 204


def test_only_an_admitted_device_gets_one(gate: Gate) -> None:
    shown = gate.shown()
    assert gate.http.post("/v1/sessions", content=shown).status_code == 201
    assert code(gate.http.post("/v1/sessions", content=shown), 403) == "challenge_used"
    assert code(gate.http.post("/v1/sessions", content=b"{}"), 400) == "invalid_presentation"
    gate.house.issuer.set(SUSPENSION)
    gate.house.wait(HOLD.total_seconds())
    assert code(gate.begin(), 403) == "suspended"


def test_a_revoked_device_is_out_when_the_list_is_asked_for_anew(gate: Gate) -> None:
    token = gate.opened()
    fetched = gate.house.now
    gate.house.wait(10)
    gate.house.issuer.set(REVOCATION)
    assert gate.auth(token).status_code == 204
    gate.house.now = fetched + HOLD - timedelta(seconds=1)
    assert gate.auth(token).status_code == 204
    gate.house.now = fetched + HOLD
    answer = gate.auth(token)
    assert code(answer, 403) == "revoked"
    assert answer.json()["step"] == "6.8 status"
    assert not [name for name in answer.headers if name.startswith("x-keyborn")]


def test_out_with_the_ttl_of_the_list_where_that_is_shorter(gate: Gate) -> None:
    gate.house.issuer.publish(ttl=20_000, ends=False, valid_until=gate.house.now + HOLD)
    token = gate.opened()
    gate.house.wait(1)
    gate.house.issuer.set(REVOCATION)
    gate.house.wait(18)
    assert gate.auth(token).status_code == 204
    gate.house.wait(1)
    assert code(gate.auth(token), 403) == "revoked"


def test_a_list_that_is_asked_for_each_time(house: Gatehouse) -> None:
    with gate_of(house) as gate:  # max_status_age is zero
        token = gate.opened()
        assert gate.auth(token).status_code == 204
        house.wait(1)
        house.issuer.set(SUSPENSION)
        assert code(gate.auth(token), 403) == "suspended"
        house.wait(1)
        house.issuer.set(SUSPENSION, value=False)
        assert gate.auth(token).status_code == 204  # reinstated, within the session's life


def test_a_list_that_cannot_be_had_keeps_out_when_the_kept_one_is_too_old(gate: Gate) -> None:
    token = gate.opened()
    gate.house.statuses.up = False
    gate.house.wait(HOLD.total_seconds() - 1)
    assert gate.auth(token).status_code == 204
    gate.house.wait(1)
    answer = gate.auth(token)
    assert code(answer, 503) == "status_stale"
    assert answer.headers["retry-after"] == "5"
    gate.house.statuses.up = True
    gate.house.issuer.publish()
    assert gate.auth(token).status_code == 204


@pytest.mark.parametrize("what", ["rotated", "deactivated"])
def test_what_the_log_says_counts_at_once(gate: Gate, what: str) -> None:
    token = gate.opened()
    changed = {"rotated": Life.rotate, "deactivated": Life.deactivate}[what](gate.device)
    gate.house.append(changed)
    expected = {"rotated": "key_superseded", "deactivated": "deactivated"}[what]
    assert code(gate.auth(token), 403) == expected
    if what == "rotated":
        again = gate.opened()
        assert gate.auth(again).status_code == 204
        assert code(gate.auth(token), 403) == expected


def test_a_log_that_cannot_be_read_keeps_out(house: Gatehouse) -> None:
    house.policy = Policy(max_status_age=HOLD)
    away: list[str] = []

    class Moody:
        """The reader, which is out of reach when a test wants it."""

        def resolve(self, did: Any, *, at: Any = None) -> Any:
            if away:
                raise Undecided("ledger_unreachable", "nobody answers", hint="wait")
            return house.reader.resolve(did, at=at)

    with gate_of(house, resolver=Moody()) as gate:
        token = gate.opened()
        away.append("now")
        assert code(gate.auth(token), 503) == "ledger_unreachable"
        away.clear()
        assert gate.auth(token).status_code == 204


def test_it_is_judged_by_the_trust_root_of_now(house: Gatehouse) -> None:
    house.policy = Policy(max_status_age=HOLD)
    with gate_of(house) as gate:
        token = gate.opened()
    compromised = house.issuer.trusted(compromised_keys=(house.issuer.key.public_key(),))
    other = house.issuer.trusted(did=STRANGER.short)
    for issuer, expected in ((compromised, "issuer_key_compromised"), (other, "untrusted_issuer")):
        with gate_of(house, issuer) as gate:
            assert code(gate.auth(token), 403) == expected
    with gate_of(house) as gate:
        assert gate.auth(token).status_code == 204


def test_a_session_is_with_one_verifier(house: Gatehouse) -> None:
    with gate_of(house) as gate:
        token = gate.opened()
        with gate_of(house, audience="https://other.example") as other:
            assert code(other.auth(token), 401) == "unknown_session"
        with gate_of(house) as second:  # another process of the same, with the same store
            assert second.auth(token).status_code == 204
            assert second.end(token).status_code == 204
        assert code(gate.auth(token), 401) == "unknown_session"


def test_it_ends_with_its_lifetime_or_with_the_credential(gate: Gate) -> None:
    house = gate.house
    token = gate.opened()
    ends = house.now + timedelta(seconds=30)
    brief = gate.begin(house.issuer.issue(DEVICE.short, valid_until=ends)).json()
    assert parse_time(brief["expires"]) == ends
    house.wait(29)
    assert gate.auth(brief["token"]).status_code == 204
    house.wait(1)
    assert code(gate.auth(brief["token"]), 401) == "session_expired"
    assert gate.auth(token).status_code == 204
    # Within the skew of clocks it is still admitted; but there is no time for a session.
    over = gate.begin(house.issuer.issue(DEVICE.short, valid_until=house.now))
    assert (code(over, 403), over.json()["step"]) == ("credential_expired", "session")
    house.wait(LIFETIME.total_seconds())
    house.issuer.publish()
    assert code(gate.auth(token), 401) == "session_expired"


@pytest.mark.parametrize("format_", Format)
def test_in_every_format(gate: Gate, format_: Format) -> None:
    credential = gate.house.issuer.issue_as(format_, DEVICE.short)
    challenge = gate.verifier.challenge(at=gate.house.now)
    shown = gate.house.present_as(format_, gate.device, (credential, format_), challenge=challenge)
    answer = gate.http.post("/v1/sessions", content=shown)
    assert answer.status_code == 201, answer.text
    assert gate.auth(answer.json()["token"]).headers["x-keyborn-roles"] == "sensor"


def test_nothing_secret_in_the_log(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = gate.opened()
    gate.auth(token)
    gate.auth(f"{token}x")
    gate.end(token)
    gate.auth(token)
    ours = [record for record in caplog.records if "httpx" not in record.name]
    assert ours
    assert not [each for each in ours if token in f"{each.getMessage()} {vars(each)}"]


def test_a_lifetime_has_bounds(house: Gatehouse) -> None:
    second = timedelta(seconds=1)
    with open_sessions(house.directory / "verifier") as store:
        for good in (second, MAX_LIFETIME):
            Sessions(house.verifier(), store, lifetime=good)
        for bad in (timedelta(0), MAX_LIFETIME + second):
            with pytest.raises(Exception, match="a session lasts 1 to 3600 seconds"):
                Sessions(house.verifier(), store, lifetime=bad)


def test_who_alters_the_store_does_not_decide(gate: Gate) -> None:
    def alter(statement: str, *values: object) -> None:
        path = gate.house.directory / "verifier" / "sessions.db"
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            connection.execute(statement, values)
            connection.commit()

    house = gate.house
    ends = house.now + timedelta(seconds=30)
    token = gate.opened(house.issuer.issue(DEVICE.short, valid_until=ends))
    other = gate.opened()
    house.wait(91)  # beyond the skew of clocks
    alter("UPDATE sessions SET expires = expires + 1000")
    assert code(gate.auth(token), 403) == "credential_expired"
    assert gate.auth(other).status_code == 204
    alter("UPDATE sessions SET did = ?", STRANGER.short.text)
    assert gate.auth(other).status_code == 403
    alter("UPDATE sessions SET did = ?", DEVICE.short.text)
    assert gate.auth(other).status_code == 204
    alter("UPDATE sessions SET key = ?", STRANGER.key.public_key().raw)
    assert code(gate.auth(other), 403) == "unknown_verification_method"
