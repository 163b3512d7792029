"""Transcripts of ``keyborn ledger prove`` and ``check``: exit code, stdout and stderr."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, STRANGER, actor
from click.testing import CliRunner, Result
from operations import Life, create
from proving import PARAMETERS, Site, site, tell

from did.multibase import base58_encode
from keyborn.cli import cli
from ledger.state_proof.form import MEDIA_TYPE, SUFFIX


@pytest.fixture(scope="module", params=PARAMETERS)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with site(request.param, tmp_path_factory.mktemp("site")) as made:
        tell(made)
        yield made


on_ethereum = pytest.mark.parametrize("told", PARAMETERS[1:], indirect=True)
embedded = pytest.mark.parametrize("told", PARAMETERS[:1], indirect=True)


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, ["ledger", *(str(arg) for arg in args)])


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def error(result: Result, code: int) -> Any:
    assert (result.exit_code, result.stdout) == (code, "")
    return json.loads(result.stderr)["error"]["code"]


def prove(told: Site, out: Path, *more: str | Path) -> Any:
    return data(
        run("prove", DEVICE.short.text, "--network", told.path, "--out", out, "--json", *more)
    )


def believed(made: Any) -> list[str]:
    block = made["vouchedBy"].get("blockHash")
    return [] if block is None else ["--block-hash", block]


def test_it_is_made_and_checked_offline(told: Site, tmp_path: Path) -> None:
    path = tmp_path / "device.kbproof"
    made = prove(told, path)
    assert made["file"] == str(path)
    assert made["bytes"] == path.stat().st_size
    assert made["mediaType"] == MEDIA_TYPE
    assert [operation["type"] for operation in made["operations"]] == ["create", "rotate", "rotate"]
    checked = data(run("check", path, "--network", told.path, *believed(made), "--json"))
    for name in ("did", "logId", "operations", "key", "deactivated", "head", "vouchedBy"):
        assert checked[name] == made[name], name
    assert checked["did"] == DEVICE.short.text
    assert checked["log"] is None
    assert checked["entriesNotShown"] == 4
    assert len(checked["doesNotProve"]) == 3


def test_the_file_is_named_after_the_did(
    told: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("prove", STRANGER.did.text, "--network", told.path)
    assert said.exit_code == 0
    name = base58_encode(STRANGER.did.id) + SUFFIX
    lines = said.stdout.splitlines()
    assert lines[0] == f"file            {name}, {(tmp_path / name).stat().st_size} bytes"
    assert lines[-1].startswith(f"to check it     keyborn ledger check {name} --")


def test_with_the_log_it_is_found_to_be_all(told: Site, tmp_path: Path) -> None:
    path = tmp_path / "proof"
    given = believed(prove(told, path))
    checked = data(
        run(
            *("check", path, "--network", told.path, "--log", *given),
            *("--index", tmp_path / "index", "--json"),
        )
    )
    assert checked["log"]["entries"] == 8
    assert checked["proves"][-1].endswith("has these operations of the DID and no others.")
    (after,) = checked["doesNotProve"]
    assert after.startswith("That none follows after ")


def test_what_it_says_to_people(told: Site, tmp_path: Path) -> None:
    path = tmp_path / "proof"
    given = believed(prove(told, path))
    said = run("check", path, "--network", told.path, *given)
    assert said.exit_code == 0
    words = [line.split("  ")[0] for line in said.stdout.splitlines() if not line.startswith("- ")]
    tail = ["only stated"] if given else []
    assert words == [
        *("did", "log", "create", "rotate", "rotate", "key", "head", "not shown", "vouched for by"),
        *("compared", *tail, "", "This proves:", "", "This does not prove:"),
    ]


@embedded
def test_a_deactivated_did_has_no_key_and_nothing_can_follow(told: Site, tmp_path: Path) -> None:
    life = Life(actor("gone"), told.ledger.log_id)
    told.append(life.create())
    told.append(life.deactivate())
    path = tmp_path / "proof"
    did = life.actor.short.text
    assert run("prove", did, "--network", told.path, "--out", path).exit_code == 0
    said = run("check", path, "--network", told.path).stdout
    assert "key             none: deactivated, for good\n" in said
    assert "operation of the DID followed" not in said
    full = data(run("check", path, "--network", told.path, "--log", "--json"))
    assert (full["key"], full["deactivated"], full["doesNotProve"]) == (None, True, [])


@embedded
def test_an_operation_that_followed_is_told(told: Site, tmp_path: Path) -> None:
    life = Life(actor("moving"), told.ledger.log_id)
    told.append(life.create())
    path = tmp_path / "proof"
    assert run("prove", life.actor.short.text, "--network", told.path, "--out", path).exit_code == 0
    told.append(life.rotate(), create(actor("beside")))
    assert run("check", path, "--network", told.path).exit_code == 0
    outdated = run("check", path, "--network", told.path, "--log", "--json")
    assert error(outdated, 1) == "state_proof_outdated"


@embedded
def test_a_log_that_cannot_be_read_decides_nothing(told: Site, tmp_path: Path) -> None:
    path, gone = tmp_path / "proof", tmp_path / "gone.toml"
    prove(told, path)
    gone.write_text(told.path.read_text().replace(told.network.url, "http://127.0.0.1:9"))
    assert run("check", path, "--network", gone).exit_code == 0
    unread = run("check", path, "--network", gone, "--log", "--json")
    assert error(unread, 3) == "ledger_unreachable"


@on_ethereum
def test_without_a_network_file_it_is_said_what_nobody_compared(told: Site, tmp_path: Path) -> None:
    path = tmp_path / "proof"
    made = prove(told, path)
    checked = data(run("check", path, *believed(made), "--json"))
    contract = made["vouchedBy"]["contract"]
    assert checked["stated"] == [
        *("chain id 31337", f"contract {contract}", f"log id {told.network.log_id.hex()}")
    ]
    assert [text.split(",")[0] for text in checked["compared"]] == ["block hash", "code hash"]
    with_file = data(run("check", path, "--network", told.path, *believed(made), "--json"))
    assert [text.split(",")[0] for text in with_file["compared"]] == [
        *("block hash", "log id", "chain id")
    ]
    (block,) = with_file["stated"]
    assert block.startswith("that the block is of chain 31337")


@on_ethereum
def test_what_is_altered_is_refused(told: Site, tmp_path: Path) -> None:
    path = tmp_path / "proof"
    given = believed(prove(told, path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert error(run("check", path, *given, "--json"), 1) == "ledger_forged_proof"
    path.write_bytes(whole)
    other = ["--block-hash", "0x" + "00" * 32]
    assert error(run("check", path, *other, "--json"), 1) == "state_proof_wrong_block"
    assert data(run("check", path, *given, "--json"))["logId"] == told.network.log_id.hex()


@on_ethereum
def test_wrong_usage_of_a_proof_under_a_block(told: Site, tmp_path: Path) -> None:
    path = tmp_path / "proof"
    prove(told, path)
    for wrong in ([], ["--block-hash", "0x12"], ["--network", str(told.path)]):
        refused = run("check", path, *wrong)
        assert refused.exit_code == 2
        assert "block-hash" in refused.stderr


@embedded
def test_wrong_usage_of_a_proof_under_a_signature(told: Site, tmp_path: Path) -> None:
    path = tmp_path / "proof"
    prove(told, path)
    block = ("--block-hash", "0x" + "00" * 32)
    for wrong in (
        [],
        ["--log"],
        ["--network", told.path, "--index", tmp_path / "index"],
        ["--network", told.path, *block],
    ):
        assert run("check", path, *wrong).exit_code == 2
    assert error(run("check", tmp_path / "none", "--network", told.path, "--json"), 2) == "usage"


def test_a_did_that_is_not_there(told: Site, tmp_path: Path) -> None:
    nobody = actor("nobody").short.text
    out = tmp_path / "proof"
    refused = run("prove", nobody, "--network", told.path, "--out", out, "--json")
    assert error(refused, 1) == "not_registered"
    assert not out.exists()


def test_entries_may_come_from_a_mirror(told: Site, tmp_path: Path) -> None:
    mirror, index, path = tmp_path / "mirror", tmp_path / "index", tmp_path / "proof"
    kept = ("--index", index, "--mirror-out", mirror, "--once")
    assert run("follow", "--network", told.path, *kept).exit_code == 0
    given = believed(prove(told, path, "--mirror", mirror))
    check = ("check", path, "--network", told.path, *given, "--json", "--mirror", mirror)
    assert data(run(*check, "--log"))["log"]["entries"] >= 8
    assert error(run(*check), 2) == "usage"  # nothing would be read
    for entry in mirror.rglob("0*.cbor"):
        entry.unlink()
    assert error(run(*check, "--log"), 3) == "mirror_entry_missing"
