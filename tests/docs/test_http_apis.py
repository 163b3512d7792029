"""The reference of HTTP interfaces names each route, status, error and limit that there is."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import httpx
import pytest
from actors import DEVICE
from asking import asking, said
from fastapi import FastAPI
from gatehouse import gatehouse
from issuing import TOKEN, issuing
from pages import DOCS, fences
from serving import serving

from did import key_documents
from did.errors import Busy, Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from did.limits import LIMITS
from did.vc import vc_api, vc_problems
from issuer import oauth, redemption, requests, tokens
from issuer.admin import MAX_CLAIMS, MAX_PAGE, ClaimBody
from issuer.app import create_app as issuer_app
from issuer.terms import LIFETIME, MAX_DEVICES
from keyborn import bodies, problem, rim
from ledger.app import create_app as ledger_app
from ledger.registrar.messages import State
from ledger.registrar.registrar import Registrar
from ledger.resolving import errors, negotiation, options
from verifier.app import create_app as verifier_app
from verifier.openid4vp import routes as openid4vp
from verifier.openid4vp.requests import Status
from verifier.sessions.admission import Sessions
from verifier.sessions.session import LIFETIME as SESSION
from verifier.sessions.session import MAX_HEADER
from verifier.sessions.session import MAX_LIFETIME as MAX_SESSION
from verifier.sessions.store import MOST, open_sessions

HOUR: Final = timedelta(hours=1)
PAGE: Final = (DOCS / "reference" / "http-apis.md").read_text()


def section(title: str) -> str:
    """From that heading to the next one of its level."""
    (found,) = re.findall(rf"^(##+ {title}\n.*?)(?=^##? |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def codes(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def described(service: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", section(service), re.MULTILINE))


def served(app: FastAPI) -> set[tuple[str, str]]:
    return {
        (method.upper(), path.replace("_}", "}"))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }


def test_the_routes_of_the_ledger() -> None:
    registrar, unused = Registrar.__new__(Registrar), cast("Any", None)  # no method is called
    embedded = cast("Any", object())
    app = ledger_app(registrar=registrar, resolver=unused, embedded=embedded)
    assert described("Ledger") == served(app)
    rows = [line for line in PAGE.splitlines() if line.endswith("; embedded ledger only |")]
    of_embedded = {pair for row in rows for pair in re.findall(r"^\| (\w+) \| `([^`]+)`", row)}
    on_ethereum = ledger_app(registrar=registrar, resolver=unused)
    assert described("Ledger") - of_embedded == served(on_ethereum)


def test_the_routes_of_the_issuer(tmp_path: Path) -> None:
    with issuing(tmp_path) as world:
        app = issuer_app(world.issuer, admin_token=TOKEN)
    assert described("Issuer") == served(app)


def test_the_routes_of_the_verifier_and_the_form_of_an_error(tmp_path: Path) -> None:
    with gatehouse(tmp_path) as house, open_sessions(tmp_path / "verifier") as kept:
        sessions = Sessions(house.verifier(), kept)
        app = verifier_app(house.verifier(), now=lambda: house.now, sessions=sessions)
        with asking(house) as gate:
            openid4vp.install(app, gate.exchange, token=TOKEN, now=lambda: house.now)
        holder, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
        challenge = house.verifier().challenge(at=house.now)
        answer = house.present(holder, credential, challenge=challenge)
        challenge = house.verifier().challenge(at=house.now)
        another = house.present(holder, credential, challenge=challenge)
        with serving(app) as url, httpx.Client(base_url=url) as client:
            session = client.post("/v1/sessions", content=another).json()
            bearer = {"authorization": f"Bearer {session['token']}"}
            passes = client.get("/auth", headers=bearer).headers
            accepted = client.post("/v1/presentations", content=answer).json()
            replayed = client.post("/v1/presentations", content=answer).json()
            health = client.get("/health").json()
    assert described("Verifier") == served(app)
    assert accepted["device"].keys() | accepted["decision"].keys() <= codes(section("Verifier"))
    assert session.keys() <= codes(section("Verifier"))
    told = {name for name in passes if name.startswith("x-keyborn")}
    assert told == {name.lower() for name in codes(section("Sessions")) if "X-Keyborn" in name}
    assert health.keys() <= codes(section("Verifier"))
    assert json.loads(fences(PAGE)[0].text) == replayed


def test_what_is_said_of_asking_with_openid4vp(tmp_path: Path) -> None:
    page = section("Asking with OpenID4VP")
    assert {status.value for status in Status} <= codes(page)
    assert set(openid4vp.Wish.model_fields) <= codes(page)
    assert f"up to {LIMITS.dcql_asked:,} bytes" in page
    rows = re.findall(r"^\| ([\d, ]+) \| `(\w+)`", page, re.MULTILINE)
    stated = {(int(status), error) for each, error in rows for status in each.split(",")}
    errors = (
        Invalid("c", "m"),
        Refused("c", "m"),
        openid4vp.UnknownRequest("c", "m"),
        openid4vp.EndedRequest("c", "m"),
        Undecided("c", "m"),
    )
    answers = [openid4vp._failure(error) for error in errors]
    assert stated == {(each.status_code, json.loads(bytes(each.body))["error"]) for each in answers}
    with gatehouse(tmp_path) as house, asking(house) as gate:
        asked = gate.ask()
        request = gate.fetch(asked)
        assert asked.keys() <= codes(page)
        assert gate.answer(request).status_code == 200
        assert gate.outcome(asked).keys() <= codes(page)
        assert said(gate.answer(request))[:2] in stated


def test_the_routes_of_the_vc_api(tmp_path: Path) -> None:
    rows = re.findall(
        r"^\| (issuer|verifier) \| (\w+) \| `([^`]+)`", section("The VC-API"), re.MULTILINE
    )
    with issuing(tmp_path) as world:
        plain = served(issuer_app(world.issuer, admin_token=TOKEN))
        more = served(issuer_app(world.issuer, admin_token=TOKEN, with_vc_api=True))
    assert {(verb, path) for at, verb, path in rows if at == "issuer"} == more - plain
    with gatehouse(tmp_path / "gate") as house:
        plain = served(verifier_app(house.verifier()))
        more = served(verifier_app(house.verifier(), vc_api_token=TOKEN))
    assert {(verb, path) for at, verb, path in rows if at == "verifier"} == more - plain


def test_the_options_and_problem_types_of_the_vc_api() -> None:
    of_issuing = section("Issuing").partition("### Verifying")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", of_issuing, re.MULTILINE)
    assert {name for row in rows for name in codes(row)} == vc_api._ISSUE_OPTIONS
    assert f"sets and chains of up to {LIMITS.proofs}" in section("Verifying")
    stated = {name for name in codes(section("Verifying")) if name.startswith("https:")}
    status = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
    assert stated == {*vc_problems._TYPES.values(), status}


def test_the_status_of_each_branch() -> None:
    branches: tuple[type[KeybornError], ...] = (
        Invalid,
        Refused,
        Conflict,
        Busy,
        Undecided,
        Unavailable,
    )
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \| (\d+)", PAGE, re.MULTILINE)
    stated = {name: int(status) for names, status in rows for name in codes(names)}
    assert stated == {
        branch.__name__.lower(): problem.status_of(branch("code", "message")) for branch in branches
    }


def test_the_errors_of_enrolment() -> None:
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| ([^|]+)", section("Enrolment"), re.MULTILINE)
    stated = {(place, int(status)): codes(errors) for place, status, errors in rows}
    assert stated == {
        ("`/token`", 400): set(oauth.TOKEN_ERRORS.values()),
        ("`/credential`", 400): set(oauth.CREDENTIAL_ERRORS.values()),
        ("`/deferred_credential`", 400): set(oauth.DEFERRED_ERRORS.values()),
        ("`/notification`", 400): set(oauth.NOTIFICATION_ERRORS.values()),
        ("all but `/token`", 401): {"invalid_token", "WWW-Authenticate"},
        ("all", 503): {"temporarily_unavailable", "Retry-After"},
    }


def test_the_errors_of_resolution() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", section("Resolution"), re.MULTILINE)
    stated = {
        (name, int(status))
        for status, about in rows
        for name in codes(about)
        if re.fullmatch("[A-Z_]+", name)
    }
    stating = [*errors.ERRORS.values(), errors.UNDECIDED]
    assert stated == {(name, int(status)) for name, status in stating}


def test_the_options_and_media_types_of_resolution() -> None:
    page = codes(section("Resolution"))
    assert {*options.TEXTS, *options.FLAGS, *options._KEY_OPTIONS} <= page
    assert set(key_documents._CONTEXTS) <= page
    for served in (*negotiation.FOR_DIDS, *negotiation.FOR_DID_URLS):
        name, _, profile = served.media_type.partition(";profile=")
        assert name in page
        assert not profile or profile.strip('"') in page


def test_the_states_of_an_operation_and_the_fields_of_a_claim() -> None:
    assert {state.value for state in State} <= codes(section("Operations"))
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section("Administration"), re.MULTILINE)
    assert {name for row in rows for name in codes(row)} == set(ClaimBody.model_fields)


@pytest.mark.parametrize(
    ("said", "is_so"),
    [
        (f"at most {LIMITS.json_bytes:,} bytes (413)", True),
        (f"{int(bodies.BODY_SECONDS)} seconds to arrive (408)", True),
        (f"at most {rim.HEAD_BYTES:,} bytes and {rim.HEADERS} headers (431)", True),
        (f"`limit` (1 to {MAX_PAGE})", True),
        (f"up to {MAX_CLAIMS} at once", True),
        ("at most an hour away, ten minutes unless", (HOUR, HOUR / 6) == (MAX_SESSION, SESSION)),
        (f"A device has up to {MOST} sessions", True),
        (f"beyond {MAX_HEADER:,} characters of a list", True),
        ("a day unless given", timedelta(days=1) == LIFETIME),
        (f"up to {requests.BATCH_SIZE}, of one type", True),
        (f"unless given; up to {MAX_DEVICES}", True),
        ("`expires_in` (five minutes)", timedelta(minutes=5) == tokens.LIFETIME),
        ("for ten minutes after", timedelta(minutes=10) == redemption.GRACE),
    ],
)
def test_the_limits(said: str, *, is_so: bool) -> None:
    assert said in " ".join(PAGE.split())
    assert is_so
