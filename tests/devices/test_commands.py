"""Transcripts: command, exit code, what is on stdout, what is on stderr."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from onboarding import SECRETS, Services
from scripted_verifier import VERIFIER, scripted_verifier
from web_hosts import document, web_host

from did.openid4vci import Offer
from did.possession import parse_possession
from did.vc.formats import read_presentation
from keyborn import clock
from keyborn.cli import cli
from keyborn.public_https import PublicHttps

Run = Callable[..., Result]
INSECURE = json.dumps(Offer("http://10.0.0.7", ("device-provisioning",), "a-code").to_json())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs ``keyborn device COMMAND`` on the one device of this test."""

    def run(
        command: str,
        *arguments: str | Path,
        stdin: str | None = None,
        https: PublicHttps | None = None,
    ) -> Result:
        words = ["device", command, "--dir", tmp_path / "device", *arguments]
        return CliRunner().invoke(cli, [str(word) for word in words], input=stdin, obj=https)

    return run


def _data(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def _error(result: Result, exit_code: int = 1) -> dict[str, Any]:
    assert result.exit_code == exit_code, result.output
    assert not result.stdout
    value: dict[str, Any] = json.loads(result.stderr.splitlines()[-1])["error"]
    return value


@pytest.fixture
def ready(run: Run, world: Services) -> None:
    """A device that is enrolled and registered."""
    _data(run("init", "--json"))
    _data(run("enroll", world.offer(), "--network", world.network_file, "--json"))
    _data(run("register", "--json"))


def test_a_device_is_born_and_shown(run: Run, tmp_path: Path) -> None:
    born = _data(run("init", "--json"))
    assert born["did"].startswith("did:keyborn:")
    assert born["longForm"].startswith(born["did"] + ":")
    assert (born["network"], born["enrolment"], born["credentials"]) == (None, None, [])
    assert _data(run("init", "--json")) == born
    assert _data(run("show", "--json")) == born
    lines = run("show").stdout.splitlines()
    assert lines[0] == f"did          {born['did']}"
    assert lines[-1] == "credentials  -"
    assert str(tmp_path / "device") in run("show").stdout


def test_the_whole_way(run: Run, world: Services) -> None:
    born = _data(run("init", "--json"))
    enrolled = _data(run("enroll", world.offer(), "--network", world.network_file, "--json"))
    assert enrolled["enrolment"] == {
        "issuer": world.issuer_url,
        "complete": True,
        "missing": [],
    }
    assert enrolled["network"] == {
        "logId": world.network.log_id.hex(),
        "url": world.network.url,
    }
    provisioning, configuration = enrolled["credentials"]
    assert provisioning["type"] == "DeviceProvisioningCredential"
    assert configuration["type"] == "DeviceConfigurationCredential"
    assert provisioning["issuer"] == world.issuer_did
    stored = json.loads(Path(provisioning["file"]).read_text())
    assert stored["credentialSubject"]["id"] == born["did"]

    registered = _data(run("register", "--json"))
    assert registered["versionId"].startswith("0-")
    admitted = _data(run("present", "--verifier", world.verifier_url, "--json"))
    assert admitted["device"]["did"] == born["did"]
    rotated = _data(run("rotate", "--json"))
    assert rotated["versionId"].startswith("1-")
    assert _data(run("show", "--json"))["key"] != born["key"]
    assert run("present", "--verifier", world.verifier_url).exit_code == 0
    assert _data(run("deactivate", "--json"))["deactivated"] is True
    refused = _error(run("present", "--verifier", world.verifier_url, "--json"))
    assert refused["code"] == "deactivated"


@pytest.mark.usefixtures("ready")
def test_what_is_printed_for_people_holds_no_secrets(run: Run) -> None:
    shown = run("show").stdout
    assert "DeviceConfigurationCredential" in shown
    assert "complete  yes" in shown
    assert SECRETS["psk"] not in shown
    assert json.loads(run("configuration", "--json").stdout) == SECRETS
    assert run("configuration").stdout == "psk   correct horse\nssid  plant-7\n"


@pytest.mark.usefixtures("ready")
def test_a_presentation_can_be_made_for_a_challenge_in_a_file(
    run: Run, world: Services, tmp_path: Path
) -> None:
    asked = httpx.post(f"{world.verifier_url}/v1/challenges", json={})
    challenge, out = tmp_path / "challenge.json", tmp_path / "presentation.json"
    challenge.write_bytes(asked.content)
    made = run("present", "--challenge", challenge, "--out", out, "--json")
    assert _data(made) == {"presentation": str(out)}
    assert out.stat().st_mode & 0o777 == 0o600
    send = lambda: httpx.post(  # noqa: E731
        f"{world.verifier_url}/v1/presentations", content=out.read_bytes()
    )
    assert send().status_code == 200
    assert send().json()["code"] == "challenge_used"

    printed = run("present", "--challenge", challenge, "--audience", world.verifier_url)
    assert json.loads(printed.stdout)["type"] == ["VerifiablePresentation"]
    other = run("present", "--challenge", challenge, "--audience", "https://x.example", "--json")
    assert _error(other)["code"] == "wrong_audience"


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("format_", ["ldp_vc", "vc+jwt", "vc+cose", "jwt_vc_json"])
def test_a_presentation_in_a_format_of_ones_choice(
    run: Run, world: Services, tmp_path: Path, format_: str
) -> None:
    shown = _data(run("present", "--verifier", world.verifier_url, "--format", format_, "--json"))
    assert shown["decision"]["steps"][0]["evidence"] == {"format": format_, "credentials": 1}

    asked = httpx.post(f"{world.verifier_url}/v1/challenges", json={})
    challenge, out = tmp_path / "challenge.json", tmp_path / "presentation"
    challenge.write_bytes(asked.content)
    given = ("present", "--challenge", challenge, "--format", format_)
    printed = run(*given).stdout_bytes
    # A message, whose last byte may be that of a line end, has nothing behind it; text has one.
    text = format_ != "vc+cose"
    assert read_presentation(printed.removesuffix(b"\n") if text else printed).format == format_
    assert printed.endswith(b"\n") or not text
    _data(run(*given, "--out", out, "--json"))
    assert read_presentation(out.read_bytes()).format == format_
    sent = httpx.post(f"{world.verifier_url}/v1/presentations", content=out.read_bytes())
    assert sent.status_code == 200


@pytest.mark.usefixtures("ready")
def test_another_credential_can_be_presented(run: Run, world: Services, tmp_path: Path) -> None:
    stored = Path(_data(run("show", "--json"))["credentials"][0]["file"])
    mine, altered = tmp_path / "mine.json", tmp_path / "altered.json"
    shutil.copy(stored, mine)
    document = json.loads(stored.read_text())
    document["credentialSubject"]["roles"] = ["administrator"]
    altered.write_text(json.dumps(document))
    to = ("--verifier", world.verifier_url, "--json", "--credential")
    assert _error(run("present", *to, altered))["code"] == "invalid_signature"
    assert "device" in _data(run("present", *to, mine))
    (tmp_path / "garbage.json").write_text("{")
    assert _error(run("present", *to, tmp_path / "garbage.json"))["code"] == "invalid_json"
    assert _error(run("present", *to, tmp_path / "none.json"), 2)["code"] == "usage"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--verifier", "http://127.0.0.1:1", "--challenge", "x"),
        ("--verifier", "http://127.0.0.1:1", "--out", "x"),
    ],
)
def test_presenting_has_two_ways_that_do_not_mix(run: Run, arguments: tuple[str, ...]) -> None:
    run("init")
    result = run("present", *arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_a_possession_proof_serves_a_bare_enrolment(run: Run, world: Services) -> None:
    run("init")
    code = json.loads(json.dumps(world.claims(1)))[0]["offer"]
    assert code.startswith("openid-credential-offer://")
    nonce = httpx.post(f"{world.issuer_url}/nonce").json()["c_nonce"]
    bare = run("prove", "--audience", world.issuer_url, "--nonce", nonce)
    proof = parse_possession(bare.stdout.strip())
    proof.verify(proof.method.key())
    again = _data(run("prove", "--audience", world.issuer_url, "--nonce", nonce, "--json"))
    assert parse_possession(again["proof"]).method == proof.method


@pytest.mark.parametrize("way", ["uri", "file", "stdin"])
def test_an_offer_comes_as_text_in_a_file_or_on_stdin(
    run: Run, world: Services, tmp_path: Path, way: str
) -> None:
    run("init")
    offer, stdin = world.offer(), None
    if way == "file":
        (tmp_path / "offer").write_text(offer + "\n")
        offer = str(tmp_path / "offer")
    if way == "stdin":
        offer, stdin = "-", offer
    result = run("enroll", offer, "--network", world.network_file, "--json", stdin=stdin)
    assert _data(result)["enrolment"]["complete"] is True


def test_an_enrolment_is_taken_up_without_its_offer(run: Run, world: Services) -> None:
    run("init")
    (claim,) = world.claims(1, tx_code=True)
    network = ("--network", world.network_file, "--json")
    wrong = "000000" if claim["tx_code"] != "000000" else "111111"
    refused = _error(run("enroll", claim["offer"], *network, "--tx-code", wrong))
    assert (refused["code"], refused["step"]) == ("wrong_tx_code", "token")
    right = ("--tx-code", claim["tx_code"])
    assert _data(run("enroll", claim["offer"], *network, *right))["enrolment"]["complete"] is True
    assert _data(run("enroll", "--json"))["enrolment"]["complete"] is True


def test_what_is_missing_is_done_in_one_go(run: Run, world: Services) -> None:
    where = ("--network", world.network_file, "--verifier", world.verifier_url)
    first = run("run", world.offer(), *where, "--json")
    assert _data(first)["admitted"]["device"]["did"] == _data(first)["did"]
    assert first.stderr.splitlines() == ["enroll ...", "register ...", "present ..."]
    again = run("run", "--json")
    assert _data(again)["admitted"] is None
    assert again.stderr == ""


@pytest.mark.parametrize(
    ("offer", "code"),
    [
        ("openid-credential-offer://?x=1", "invalid_offer"),
        ("openid-credential", "invalid_offer"),
        ("{}", "invalid_offer"),
        ("{", "invalid_offer"),
        ("openid-credential-offer://?credential_offer=%7B%7D", "invalid_offer"),
        ("openid-credential-offer://?credential_offer_uri=ftp%3A%2F%2Fx", "invalid_offer"),
        ("openid-credential-offer://?credential_offer_uri=http%3A%2F%2Fx", "insecure_issuer"),
        (INSECURE, "insecure_issuer"),
    ],
)
def test_an_offer_that_is_garbage_is_refused(
    run: Run, world: Services, offer: str, code: str
) -> None:
    run("init")
    result = run("enroll", offer, "--network", world.network_file, "--json")
    assert _error(result)["code"] == code


def test_a_claim_that_needs_approval_is_waited_for_and_gone_on_with(
    run: Run, world: Services
) -> None:
    run("init")
    network = ("--network", world.network_file)
    (claim,) = world.claims(1, approval=True)
    waiting = run("enroll", claim["offer"], *network, "--wait", "0", "--json")
    assert _error(waiting, 3)["code"] == "approval_pending"
    assert "waiting for the issuer's operator" in waiting.stderr
    assert _data(run("show", "--json"))["enrolment"]["awaited"] == ["device-provisioning"]
    (holder,) = world.admin.get(f"/claims/{claim['id']}").json()["holders"]
    assert holder["standing"] == "waiting"
    assert world.admin.post(f"/claims/{claim['id']}/approve", json={}).status_code == 200
    shown = _data(run("enroll", "--json"))
    assert shown["enrolment"]["complete"] is True
    assert "awaited" not in shown["enrolment"]
    said = world.admin.get(f"/claims/{claim['id']}").json()["notifications"]
    assert [each["event"] for each in said] == ["credential_accepted"] * 2


def test_who_is_denied_is_told(run: Run, world: Services) -> None:
    run("init")
    (claim,) = world.claims(1, approval=True)
    run("enroll", claim["offer"], "--network", world.network_file, "--wait", "0")
    assert world.admin.post(f"/claims/{claim['id']}/deny", json={}).status_code == 200
    assert _error(run("enroll", "--json"))["code"] == "claim_denied"


def test_credentials_in_another_format(run: Run, world: Services) -> None:
    run("init")
    network = ("--network", world.network_file)
    offer = world.offer()
    shown = _data(run("enroll", offer, *network, "--format", "vc+cose", "--json"))
    assert [each["format"] for each in shown["credentials"]] == ["vc+cose"] * 2
    again = _data(run("enroll", offer, *network, "--format", "vc+jwt", "--json"))
    assert [each["format"] for each in again["credentials"]] == ["vc+jwt"] * 2
    assert "goes with OFFER" in run("enroll", "--format", "vc+jwt").stderr
    assert _data(run("enroll", "--json"))["credentials"] == again["credentials"]


def test_an_offer_in_no_file_is_named(run: Run, world: Services) -> None:
    run("init")
    result = run("enroll", "no-such-file", "--network", world.network_file)
    assert result.exit_code == 1
    assert "invalid_offer" in result.stderr
    assert "there is no such file" in result.stderr  # its text may be a code, and is not repeated


@pytest.mark.parametrize(
    "command", [("show",), ("rotate",), ("prove", "--audience", "a", "--nonce", "n")]
)
def test_where_there_is_no_device_init_is_named(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 3
    assert "keyborn device init" in result.stderr


def test_a_store_that_others_can_read_is_refused(run: Run, tmp_path: Path) -> None:
    run("init")
    (tmp_path / "device").chmod(0o755)
    refused = _error(run("show", "--json"))
    assert refused["code"] == "store_readable_by_others"
    assert "chmod 700" in refused["hint"]


def test_a_store_that_is_damaged_is_refused_and_named(
    run: Run, world: Services, tmp_path: Path
) -> None:
    run("init")
    run("enroll", world.offer(), "--network", world.network_file)
    for name in ("enrolment.json", "credentials/provisioning.json", "identity/identity.json"):
        path = tmp_path / "device" / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        refused = _error(run("show", "--json"))
        assert (refused["code"], refused["value"]) == ("store_corrupt", f"'{path}'")
        assert refused["hint"]
        path.write_bytes(whole)
    assert run("show").exit_code == 0


def test_the_network_must_be_named_once_and_exist(
    run: Run, world: Services, tmp_path: Path
) -> None:
    run("init")
    assert _error(run("register", "--json"), 3)["code"] == "network_unknown"
    missing = run("register", "--network", tmp_path / "none.toml", "--json")
    assert _error(missing, 2)["code"] == "usage"
    (tmp_path / "bad.toml").write_text("[log]\n")
    bad = run("register", "--network", tmp_path / "bad.toml", "--json")
    assert _error(bad)["code"] == "invalid_network"
    assert run("register", "--network", world.network_file).exit_code == 0


def test_a_verifier_that_is_down_is_named(run: Run, world: Services) -> None:
    run("init")
    run("enroll", world.offer(), "--network", world.network_file)
    result = run("present", "--verifier", "http://127.0.0.1:9", "--json")
    error = _error(result, 3)
    assert (error["code"], error["step"]) == ("unreachable", "challenge")


def test_the_next_key_can_be_kept_in_a_file(run: Run, world: Services, tmp_path: Path) -> None:
    safe = tmp_path / "safe.key"
    _data(run("init", "--next-out", safe, "--json"))
    _data(run("register", "--network", world.network_file, "--json"))
    needed = _error(run("rotate", "--json"))
    assert needed["code"] == "next_key_needed"
    assert "--next " in needed["hint"]
    _data(run("rotate", "--next", safe, "--json"))
    _data(run("deactivate", "--next", safe, "--yes", "--json"))


def test_a_person_at_a_terminal_is_asked_before_the_end(
    run: Run, world: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")
    run("register", "--network", world.network_file)
    monkeypatch.setattr("devices.commands._at_a_terminal", lambda: True)
    kept = run("deactivate", stdin="n\n")
    assert kept.exit_code == 1
    assert "for good?" in kept.stderr
    assert _data(run("deactivate", "--yes", "--json"))["deactivated"] is True


@pytest.mark.usefixtures("ready")
def test_a_verifiers_link_is_answered(run: Run, world: Services) -> None:
    asked = world.ask()
    answer = run("answer", asked["request"], "--json")
    said = _data(answer)
    assert said["verifier"] == asked["client_id"].partition(":")[2]
    assert said["presents"][0]["credential"] == "provisioning"
    assert f"verifier      {said['verifier']}" in answer.stderr
    assert world.outcome(asked)["status"] == "accepted"
    assert _error(run("answer", asked["request"], "--json"))["code"] == "request_ended"

    asked = world.ask()
    pinned = ("--verifier", said["verifier"], "--yes")
    assert run("answer", "-", *pinned, stdin=asked["request"]).exit_code == 0
    assert world.outcome(asked)["status"] == "accepted"


@pytest.mark.usefixtures("ready")
def test_a_did_web_is_answered_where_its_host_is_to_be_believed(run: Run, tmp_path: Path) -> None:
    with web_host(tmp_path) as host, scripted_verifier() as verifier:
        did = host.did()
        host.serve(did, document(did, VERIFIER))
        verifier.did, verifier.header, verifier.at = did, {"kid": f"{did}#key-1"}, clock.now()
        link = verifier.link().to_uri()
        unbidden = _error(run("answer", link, "--json"))
        assert unbidden["code"] == "method_not_supported"
        assert "--did-web" in unbidden["hint"]
        said = _data(run("answer", link, "--did-web", "--json", https=host.https()))
        assert said["verifier"] == did.text
        assert "vp_token" in verifier.answered()


@pytest.mark.usefixtures("ready")
def test_a_link_is_answered_for_the_verifier_that_is_meant(run: Run, world: Services) -> None:
    asked = world.ask()
    other = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
    refused = _error(run("answer", asked["request"], "--verifier", other, "--json"))
    assert refused["code"] == "other_verifier"
    assert world.outcome(asked)["status"] == "pending"
    malformed = _error(run("answer", "openid4vp://", "--json"))
    assert malformed["code"] == "invalid_authorization_request"
    nonsense = _error(run("answer", asked["request"], "--verifier", "nonsense", "--json"))
    assert (nonsense["code"], nonsense["step"]) == ("invalid_did", "--verifier")


@pytest.mark.usefixtures("ready")
def test_at_a_terminal_it_asks_first(
    run: Run, world: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.commands._at_a_terminal", lambda: True)
    asked = world.ask()
    declined = run("answer", asked["request"], stdin="n\n")
    assert declined.exit_code == 1
    assert "not_confirmed" in declined.stderr
    assert world.outcome(asked)["status"] == "declined"
    asked = world.ask()
    assert run("answer", asked["request"], stdin="y\n").exit_code == 0
    assert world.outcome(asked)["status"] == "accepted"


@pytest.mark.usefixtures("ready")
def test_at_a_terminal_it_says_nothing_before_it_has_asked(
    run: Run, world: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that it has nothing, either; who breaks off leaves the request as it is."""
    monkeypatch.setattr("devices.commands._at_a_terminal", lambda: True)
    claim = {"path": ["credentialSubject", "model"], "values": ["another"]}
    query = {"id": "x", "format": "ldp_vc", "meta": {}, "claims": [claim]}
    asked = world.ask(dcql_query={"credentials": [query]})
    broken_off = run("answer", asked["request"], stdin="")
    assert broken_off.exit_code == 1
    assert "because" in broken_off.stderr
    assert world.outcome(asked)["status"] == "pending"
    told = run("answer", asked["request"], stdin="\n")
    assert "no_matching_credential" in told.stderr
    assert world.outcome(asked)["status"] == "declined"
