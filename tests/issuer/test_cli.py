"""The commands, as a person types them, against an issuer that runs."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, STRANGER, actor
from click.testing import CliRunner, Result
from issuing import SECRETS, TERMS, TOKEN, World

from did.openid4vci import OfferReference, parse_any_offer, parse_offer
from issuer.status_terms import StatusTerms
from keyborn.cli import cli
from keyborn.files import write_private
from ledger.network import Network, write_network

MODEL = ("claim", "create", "--model", "m", "--owner", "o")


def run(world: World, *arguments: str, exit_code: int = 0) -> Result:
    directory = world.directory
    write_private(directory / "admin.token", f"{TOKEN}\n".encode())
    write_private(directory / "url", f"{world.http.base_url}\n".encode())
    result = CliRunner().invoke(cli, ["issuer", *arguments, "--dir", str(directory)])
    assert result.exit_code == exit_code, result.output
    return result


def data(world: World, *arguments: str) -> Any:
    return json.loads(run(world, *arguments, "--json").stdout)


def test_create_a_claim(world: World) -> None:
    secrets = world.directory / "net.json"
    secrets.write_text(json.dumps(SECRETS))
    full = (
        *("claim", "create", "--model", "thermo-2", "--owner", "plant-7", "--role", "sensor"),
        *("--role", "relay", "--tag", "hall=3", "--configuration", str(secrets)),
        *("--did", DEVICE.did.text, "--tx-code", "--expires-in", "60"),
    )
    made = data(world, *full)
    assert set(made) == {"id", "offer", "offer_by_reference", "expires", "tx_code"}
    assert parse_offer(made["offer"]).issuer == world.issuer.url
    shown = data(world, "claim", "show", made["id"])
    assert (shown["roles"], shown["tags"]) == (["sensor", "relay"], {"hall": "3"})
    assert shown["configurations"][:2] == ["device-provisioning", "device-configuration"]
    printed = run(world, *full)
    assert parse_offer(printed.stdout.strip()).code
    assert re.fullmatch(r"transaction code, shown this once: \d{6}\n", printed.stderr)
    table = world.directory / "one.csv"
    table.write_text("model,owner\nm,o\n")
    row = run(world, "claim", "create", "--tx-code", "--csv", str(table)).stdout
    assert re.fullmatch(r"openid-credential-offer:\S+  tx_code \d{6}\n", row)


def test_create_claims_from_a_table(world: World) -> None:
    (world.directory / "net.json").write_text(json.dumps(SECRETS))
    table = world.directory / "claims.csv"
    rows = "".join(f"m{n},net.json\n" for n in range(251))
    table.write_text(f"model,configuration\n{rows}")
    made = data(world, "claim", "create", "--owner", "o", "--csv", str(table))
    assert len({claim["offer"] for claim in made["claims"]}) == 251
    listed = data(world, "claim", "list", "--limit", "2")
    assert [claim["model"] for claim in listed["claims"]] == ["m0", "m1"]
    following = run(world, "claim", "list", "--limit", "250", "--cursor", str(listed["next"]))
    assert len(following.stdout.splitlines()) == 249
    first = run(world, "claim", "list", "--limit", "250")
    assert "--cursor 250" in first.stderr
    assert "m250" in run(world, "claim", "list", "--cursor", "250").stdout


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_claims_that_were_made_are_printed_though_a_later_one_is_refused(
    world: World, json_too: list[str]
) -> None:
    """Their codes are shown once: who is not shown them has claims that nobody can redeem."""
    table = world.directory / "claims.csv"
    table.write_text("model\n" + "m\n" * 250 + "x" * 129 + "\n")
    words = ("claim", "create", "--owner", "o", "--csv", str(table), *json_too)
    result = run(world, *words, exit_code=1)
    assert result.stdout.count("openid-credential-offer://?credential_offer=") == 250
    assert "this is about rows 251 to 251; the claims of the first 250 are made" in result.stderr
    table.write_text("model\n" + "m\n" * 250 + "x" * 128 + "\n")
    assert run(world, *words).stdout.count("openid-credential-offer://?credential_offer=") == 251


@pytest.mark.parametrize(
    "arguments",
    [
        ["--owner", "o"],
        ["--model", "m"],
        ["--model", "m", "--owner", "o", "--tag", "hall"],
        ["--model", "m", "--owner", "o", "--expires-in", "0"],
    ],
)
def test_wrong_usage(standing: World, arguments: list[str]) -> None:
    run(standing, "claim", "create", *arguments, exit_code=2)


def test_claims_that_cannot_be_made(standing: World) -> None:
    bad = standing.directory / "bad.json"
    bad.write_text('{"psk": "hush", "psk": "hush"}')
    least = ("claim", "create", "--model", "m", "--owner", "o")
    result = run(standing, *least, "--configuration", str(bad), exit_code=1)
    assert "invalid_configuration" in result.stderr
    assert "hush" not in result.output
    assert "invalid_did" in run(standing, *least, "--did", "did:keyborn:", exit_code=1).stderr
    missing = run(standing, *least, "--configuration", "/nowhere/net.json", exit_code=2)
    assert "'/nowhere/net.json' does not exist" in missing.stderr
    missing = run(standing, *least, "--csv", "/nowhere/claims.csv", exit_code=2)
    assert "'/nowhere/claims.csv' does not exist" in missing.stderr


def test_cancel_a_claim(world: World) -> None:
    claim = world.claim()
    assert "cancelled" in run(world, "claim", "cancel", claim.id).stdout
    assert data(world, "claim", "cancel", claim.id)["state"] == "cancelled"
    lines = run(world, "claim", "show", claim.id).stdout.splitlines()
    assert "state            cancelled" in lines
    assert "tx_code_needed   no" in lines
    assert "claim_not_found" in run(world, "claim", "show", "none", exit_code=1).stderr
    assert "cancelled" in run(world, "claim", "list").stdout


def test_devices(world: World) -> None:
    did = DEVICE.short.text
    assert run(world, "devices", "list").stdout == "no devices\n"
    world.register(DEVICE)
    world.enrol(DEVICE)
    for n in range(2):
        world.enrol(actor(f"device {n}"))
    assert (
        f"{did}  thermo-2  provisioned registered active\n" in run(world, "devices", "list").stdout
    )
    page = run(world, "devices", "list", "--limit", "1", "--tag", "hall=3", "--model", "thermo-2")
    assert page.stdout.startswith(did)
    assert "there are more: --cursor 1" in page.stderr
    second = data(world, "devices", "list", "--limit", "1", "--cursor", "1")
    assert (len(second["devices"]), second["next"]) == (1, 2)
    assert data(world, "devices", "list", "--model", "none")["devices"] == []
    assert data(world, "devices", "suspend", did)["suspended"] is True
    lines = run(world, "devices", "show", did).stdout.splitlines()
    assert {"active          no", "suspended       yes", "revoked_at      -"} <= set(lines)
    assert data(world, "devices", "reinstate", did)["active"] is True
    assert "revoked" in run(world, "devices", "revoke", did).stdout
    assert "max_status_age" in run(world, "devices", "revoke", did).stderr
    refused = run(world, "devices", "reinstate", did, exit_code=1)
    assert "device_revoked" in refused.stderr
    assert "that is final" in refused.stderr
    assert (
        "device_not_found"
        in run(world, "devices", "show", actor("none").short.text, exit_code=1).stderr
    )


def test_several_devices_at_once(world: World) -> None:
    world.issuer = replace(world.issuer, statuses=StatusTerms(messages=("fine", "worn")))
    fleet = [actor(f"device {n}") for n in range(3)]
    dids = [each.short.text for each in fleet]
    for each in fleet:
        world.enrol(each)

    def flags(name: str) -> list[object]:
        return [data(world, "devices", "show", did)[name] for did in dids]

    assert data(world, "devices", "suspend", *dids) == {"devices": 3}
    assert flags("suspended") == [True, True, True]
    assert run(world, "devices", "reinstate", *dids[1:]).stdout == "2 devices\n"
    assert flags("suspended") == [True, False, False]
    assert data(world, "devices", "tell", "worn", dids[0])["message"] == "worn"
    assert data(world, "devices", "tell", "worn", *dids) == {"devices": 3}
    assert flags("message") == ["worn", "worn", "worn"]
    refused = run(world, "devices", "tell", "lost", *dids, exit_code=1)
    assert "message_not_known" in refused.stderr
    assert flags("message") == ["worn", "worn", "worn"]
    refused = run(world, "devices", "revoke", *dids, actor("none").short.text, exit_code=1)
    assert "device_not_found" in refused.stderr
    assert flags("revoked") == [False, False, False]
    assert data(world, "devices", "revoke", *dids) == {"devices": 3}
    run(world, "devices", "revoke", exit_code=2)


def test_what_a_device_is_called_cannot_steer_the_terminal(world: World) -> None:
    terms = world.claim().to_json()
    assert terms["id"]
    made = data(world, "claim", "create", "--model", "a\u202eb", "--owner", "o")
    assert "\u202e" not in run(world, "claim", "list").stdout
    assert made["id"] in run(world, "claim", "list").stdout


def test_info_and_rotate(world: World) -> None:
    before = data(world, "info")
    assert before["did"] == world.issuer.identity.did.text
    assert before["key"] in run(world, "info").stdout
    world.clock.ticking = True
    after = data(world, "rotate")
    assert after["key"] != before["key"]
    assert "signs with" in run(world, "rotate").stdout


def test_an_issuer_has_to_be_named(tmp_path: Path) -> None:
    def outcome(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["issuer", "info", *arguments])
        return result.exit_code, result.stderr

    assert outcome()[0] == 2
    assert outcome("--url", "http://127.0.0.1:1")[0] == 2
    code, said = outcome("--dir", str(tmp_path))
    assert code == 3
    assert "keyborn issuer serve" in said
    token = tmp_path / "admin.token"
    write_private(token, f"{TOKEN}\n".encode())
    code, said = outcome("--url", "http://127.0.0.1:1", "--token-file", str(token))
    assert code == 3
    assert "unreachable" in said
    token.chmod(0o644)
    code, said = outcome("--url", "http://127.0.0.1:1", "--dir", str(tmp_path))
    assert code == 1
    assert "store_readable_by_others" in said


@pytest.mark.parametrize(
    "options",
    [
        ["--status-message", "one"],
        ["--status-message", "one", "--status-message", "one"],
        ["--status-ttl", "300", "--status-lifetime", "299"],
    ],
)
def test_serve_says_which_terms_for_lists_make_no_sense(
    world: World, tmp_path: Path, options: list[str]
) -> None:
    network = tmp_path / "network.toml"
    write_network(network, Network(world.ledger.pin, "http://127.0.0.1:1"))
    named = ["issuer", "serve", "--dir", str(tmp_path / "new"), "--network", str(network)]
    result = CliRunner().invoke(cli, [*named, *options])
    assert (result.exit_code, "invalid_status_terms" in result.stderr) == (1, True)
    assert not (tmp_path / "new").exists()


def test_serve_says_what_is_wrong_before_it_starts(tmp_path: Path) -> None:
    arguments = ["issuer", "serve", "--dir", str(tmp_path / "issuer"), "--port", "0"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    result = CliRunner().invoke(cli, [*arguments, "--network", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "none.toml' does not exist" in result.stderr


@pytest.mark.parametrize("verb", ["show", "suspend", "reinstate", "revoke", "tell x"])
@pytest.mark.parametrize("more", ["/revoke?", "/../x", "\n", "#x"])
def test_a_device_is_named_by_its_did_and_nothing_more(world: World, verb: str, more: str) -> None:
    world.enrol(DEVICE)
    did = DEVICE.short.text
    refused = run(world, "devices", *verb.split(), f"{did}{more}", exit_code=1)
    assert "invalid_did" in refused.stderr
    shown = data(world, "devices", "show", did)
    assert (shown["suspended"], shown["revoked"]) == (False, False)


def test_a_claim_lives_no_longer_than_it_may(world: World) -> None:
    claim = ("claim", "create", "--model", "m", "--owner", "o", "--expires-in")
    run(world, *claim, str(366 * 86_400))
    for seconds in ("0", str(366 * 86_400 + 1), str(10**30)):
        run(world, *claim, seconds, exit_code=2)


def test_an_offer_by_reference(world: World) -> None:
    printed = run(world, *MODEL, "--by-reference").stdout.strip()
    assert isinstance(parse_any_offer(printed), OfferReference)
    table = world.directory / "two.csv"
    table.write_text("model,owner\nm,o\nm,o\n")
    rows = run(world, "claim", "create", "--by-reference", "--csv", str(table)).stdout.splitlines()
    assert len({parse_any_offer(row) for row in rows}) == 2


def test_claims_for_several_devices(world: World) -> None:
    many = data(world, *MODEL, "--devices", "20")
    assert data(world, "claim", "show", many["id"])["devices"] == 20
    named = data(world, *MODEL, "--did", DEVICE.short.text, "--did", STRANGER.did.text)
    shown = data(world, "claim", "show", named["id"])
    assert shown["dids"] == [DEVICE.short.text, STRANGER.short.text]
    listed = run(world, "claim", "list").stdout
    assert "0 of 20 devices" in listed
    assert "0 of 2 devices" in listed
    run(world, *MODEL, "--devices", "501", exit_code=2)
    wrong = run(world, *MODEL, "--devices", "3", "--did", DEVICE.short.text, exit_code=1)
    assert "invalid_claim" in wrong.stderr
    table = world.directory / "named.csv"
    table.write_text(f"did\n{DEVICE.short.text};{STRANGER.short.text}\n")
    (row,) = data(world, *MODEL, "--csv", str(table))["claims"]
    assert data(world, "claim", "show", row["id"])["devices"] == 2


def test_approve_and_deny(world: World) -> None:
    claim = world.claim(replace(TERMS, devices=3, approval=True))
    waiting = [actor(f"waits {n}") for n in range(3)]
    early = run(world, "claim", "approve", claim.id, exit_code=1)
    assert "claim_not_taken" in early.stderr
    world.ask_for(world.token(claim), *waiting)
    dids = [each.short.text for each in waiting]
    assert "waiting" in run(world, "claim", "list").stdout
    printed = run(world, "claim", "approve", claim.id, "--did", waiting[1].did.text).stdout
    assert printed.splitlines() == [
        f"{dids[0]}  waiting",
        f"{dids[1]}  approved",
        f"{dids[2]}  waiting",
    ]
    decided = data(world, "claim", "deny", claim.id, "--did", dids[2])
    assert [each["standing"] for each in decided["holders"]] == ["waiting", "approved", "denied"]
    assert data(world, "claim", "approve", claim.id)["holders"][0]["standing"] == "approved"
    again = run(world, "claim", "deny", claim.id, "--did", dids[0], exit_code=1)
    assert "already_decided" in again.stderr
    unknown = run(world, "claim", "approve", claim.id, "--did", DEVICE.short.text, exit_code=1)
    assert "holder_not_found" in unknown.stderr
    shown = run(world, "claim", "show", claim.id).stdout
    assert dids[0] in shown
    plain = run(world, "claim", "approve", world.claim().id, exit_code=1)
    assert "approval_not_needed" in plain.stderr


def test_what_devices_said_is_shown(world: World) -> None:
    claim, holder = world.claim(), actor("says")
    token = world.token(claim)
    id_ = world.ask_for(token, holder).json()["notification_id"]
    world.notify(token, id_, "credential_failure", event_description="[wrong_log]")
    shown = run(world, "claim", "show", claim.id).stdout
    assert "credential_failure" in shown
    assert "[wrong_log]" in shown
