"""Transcripts of ``keyborn ledger`` and ``keyborn resolve``: exit code, stdout and stderr."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from actors import DEVICE, STRANGER
from click.testing import CliRunner, Result
from eth_account import Account
from registrar_support import create
from web_hosts import document, web_host

from did.errors import Unavailable, Undecided
from did.keys import SigningKey
from keyborn.cli import cli
from ledger.account import read_account
from ledger.controller import Controller
from ledger.ethereum.anvil import find_anvil
from ledger.network import load_network, open_reader
from ledger.registrar.client import RegistrarClient
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import State, operation_to_json
from ledger.service import ethereum_service

READY_SECONDS = 60


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """A service sends the log of its process to stderr; this process is the tests'."""
    root = logging.getLogger()
    before = root.handlers[:]
    yield
    root.handlers[:] = before


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def served(do: Callable[[str], None], *args: str | Path, ready: Path) -> Result:
    """Run a service in this process; once it is ready, ``do`` with its URL, and end it."""
    failures: list[BaseException] = []
    main = threading.main_thread().ident
    assert main is not None
    ended = threading.Event()

    def watch() -> None:
        try:
            do(wait_for(ready, ended))
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)
        if not ended.is_set():
            signal.pthread_kill(main, signal.SIGTERM)

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = run(*args, "--ready-file", ready)
    ended.set()
    watcher.join()
    if failures and result.exit_code == 0:
        raise failures[0]
    return result


def wait_for(ready: Path, ended: threading.Event) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while not ready.exists():
        assert time.monotonic() < deadline
        assert not ended.wait(0.02)
    return ready.read_text().strip()


@contextmanager
def process(
    *args: str | Path, ready: Path, faults: str = ""
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A service in a process of its own; yields its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "keyborn", *map(str, args), "--ready-file", str(ready)],
        env={**os.environ, "KEYBORN_FAULTS": faults},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as service:
        try:
            yield wait_for(ready, threading.Event()), service
        finally:
            service.terminate()


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    return tmp_path / "ready"


@pytest.fixture
def serve(tmp_path: Path) -> list[str | Path]:
    return ["ledger", "serve", "--dir", tmp_path / "ledger", "--port", "0"]


def test_a_ledger_is_served_and_read(tmp_path: Path, ready: Path, serve: list[str | Path]) -> None:
    network, copy = tmp_path / "ledger" / "network.toml", tmp_path / "network.toml"
    seen: dict[str, Result] = {}
    device = Controller.create(tmp_path / "device")
    did = device.did.canonical.text

    def do(url: str) -> None:
        found = load_network(network)
        assert found.url == url
        assert copy.read_bytes() == network.read_bytes()
        with open_reader(found) as reader, RegistrarClient(url) as registrar:
            device.register(registrar, reader)
            device.rotate(registrar, reader)
        seen["text"] = run("resolve", did, "--network", network)
        seen["json"] = run("resolve", did, "--network", network, "--json")
        seen["first"] = run(
            *("resolve", device.did.text, "--network", network, "--json"),
            *("--version-id", f"0-{device.did.id.hex()}"),
        )
        seen["then"] = run(
            *("resolve", did, "--network", network, "--json"),
            *("--version-time", "2000-01-01T00:00:00Z"),
        )
        seen["kept"] = run("resolve", did, "--network", network, "--index", tmp_path / "index")
        seen["stranger"] = run("resolve", STRANGER.short.text, "--network", network)
        seen["long"] = run("resolve", STRANGER.did.text, "--network", network)
        seen["status"] = run("ledger", "status", "--network", network)
        seen["data"] = run("ledger", "status", "--network", network, "--json")

    result = served(do, *serve, "--network-out", copy, ready=ready)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "listening on http://127.0.0.1:" in result.stderr
    assert not ready.exists()

    key = device.signer.public_key().multibase
    lines = seen["text"].stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["did", "registered", "updated", "version", "key"]
    assert lines[0].endswith(did)
    assert lines[1].endswith("at entry 1")
    assert lines[3].split()[1].startswith("1-")
    assert lines[4].endswith(key)
    assert seen["kept"].stdout == seen["text"].stdout
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o600
    resolved = json.loads(seen["json"].stdout)
    assert resolved["didDocument"]["verificationMethod"][0]["publicKeyMultibase"] == key
    first = json.loads(seen["first"].stdout)
    assert first["didDocumentMetadata"]["versionId"].startswith("0-")
    assert first["didDocument"] != resolved["didDocument"]
    assert seen["then"].exit_code == 1
    assert json.loads(seen["then"].stderr)["error"]["code"] == "version_not_found"
    assert (seen["stranger"].exit_code, seen["stranger"].stdout) == (1, "")
    assert "why:  not_registered" in seen["stranger"].stderr
    assert "next: register it" in seen["stranger"].stderr
    assert seen["long"].stdout.splitlines() == [
        f"did           {STRANGER.short.text}",
        "registered    no",
        f"key           {STRANGER.key.public_key().multibase}",
    ]
    assert [line.split()[0] for line in seen["status"].stdout.splitlines()] == [
        *("log", "ledger", "latest", "safe", "finalized")
    ]
    data = json.loads(seen["data"].stdout)
    assert data["logId"] == load_network(copy).log_id.hex()
    assert data["heads"]["finalized"]["sequence"] == 2


def test_the_same_ledger_after_a_restart(
    tmp_path: Path, ready: Path, serve: list[str | Path]
) -> None:
    network = tmp_path / "ledger" / "network.toml"
    logs: list[bytes] = []

    def first(url: str) -> None:
        logs.append(load_network(network).log_id)
        taken = httpx.post(f"{url}/v1/operations", json=operation_to_json(create(DEVICE)))
        assert taken.status_code == 202

    def second(url: str) -> None:
        found = load_network(network)
        logs.append(found.log_id)
        assert found.url == "https://ledger.example"
        with RegistrarClient(url) as registrar:
            wait_until(
                lambda: registrar.status(DEVICE.did.id).state in (State.ON_LOG, State.FINALIZED)
            )

    assert served(first, *serve, "--batch-time", "600", ready=ready).exit_code == 0
    again = served(second, *serve, "--url", "https://ledger.example", ready=ready)
    assert again.exit_code == 0
    assert logs[0] == logs[1]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_blocks_come_until_all_is_final(
    tmp_path: Path, ready: Path, serve: list[str | Path]
) -> None:
    device = Controller.create(tmp_path / "device")
    depth = ("--finality-depth", "2", "--block-time", "0.05")

    def do(url: str) -> None:
        found = load_network(tmp_path / "ledger" / "network.toml")
        with open_reader(found) as reader, RegistrarClient(url) as registrar:
            device.register(registrar, reader)
            wait_until(lambda: registrar.status(device.did.id).state is State.FINALIZED)
            heads = reader.sync()
            assert heads.finalized.sequence == heads.latest.sequence == 1

    assert served(do, *serve, *depth, ready=ready).exit_code == 0


@pytest.mark.e2e
@pytest.mark.parametrize(
    "point",
    [
        "registrar.accept.before_commit",
        "registrar.accept.after_commit",
        "registrar.prepare.after_commit",
        "registrar.submit.after",
    ],
)
def test_kill_9_loses_nothing_and_repeats_nothing(
    tmp_path: Path, ready: Path, serve: list[str | Path], point: str
) -> None:
    network = tmp_path / "ledger" / "network.toml"
    device = Controller.create(tmp_path / "device")
    with process(*serve, ready=ready, faults=point) as (url, service):
        found = load_network(network)
        with (
            open_reader(found, tmp_path / "index") as reader,
            RegistrarClient(url) as registrar,
            pytest.raises((Unavailable, Undecided)),
        ):
            device.register(registrar, reader, wait=5)
        assert service.wait(READY_SECONDS) == -signal.SIGKILL
    ready.unlink()
    with process(*serve, ready=ready) as (url, _):
        found = load_network(network)
        with (
            open_reader(found, tmp_path / "index") as reader,
            RegistrarClient(url) as registrar,
        ):
            effect = Controller.open(tmp_path / "device").register(registrar, reader)
            assert effect.version.number == 0
            assert reader.sync().latest.sequence == 1


def test_one_service_in_one_directory(tmp_path: Path, ready: Path, serve: list[str | Path]) -> None:
    second: list[Result] = []
    result = served(lambda _: second.append(run(*serve)), *serve, ready=ready)
    assert result.exit_code == 0
    assert second[0].exit_code == 1
    assert "why:  store_in_use" in second[0].stderr
    assert str(tmp_path / "ledger") in second[0].stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("ledger", "serve", "--dir", tmp_path / "ledger", "--port", str(port))
    assert result.exit_code == 3
    assert "why:  port_taken" in result.stderr
    assert "--port" in result.stderr


NETWORK = f"""[log]
type = "embedded"
log_id = "{"00" * 32}"
head_key = "{SigningKey(bytes(32)).public_key().multibase}"
url = "http://127.0.0.1:1"
"""
ETHEREUM = f"""[log]
type = "ethereum"
log_id = "{"00" * 32}"
chain_id = 31337
contract = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
code_hash = "{"00" * 32}"
rpc = "http://127.0.0.1:1"
url = "http://127.0.0.1:1"
"""
KEY = "0x" + "11" * 32 + "\n"
ENCRYPTED = ("--network", "ethereum.toml", "--key-file", "encrypted.key")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    contents = {
        "embedded.toml": NETWORK,
        "ethereum.toml": ETHEREUM,
        "key": KEY,
        "open.key": KEY,
        "bad.key": "0x11\n",
        "zero.key": "00" * 32,
        "encrypted.key": json.dumps(
            Account.encrypt("11" * 32, "right", kdf="pbkdf2", iterations=10)
        ),
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o644 if name == "open.key" else 0o600)
    return tmp_path


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--network", "ethereum.toml"], 3, "key_missing"),
        (["--key-file", "key"], 2, "a key pays for a log on Ethereum"),
        (["--password-file", "key"], 2, "a key pays for a log on Ethereum"),
        (["--batch-size", "0"], 2, "batch-size"),
        (["--network", "embedded.toml", "--key-file", "key"], 1, "not_ethereum"),
        (["--network", "none.toml", "--key-file", "key"], 2, "'none.toml' does not exist"),
        (["--network", "key", "--key-file", "key"], 1, "invalid_network"),
        (["--network", "ethereum.toml", "--key-file", "none"], 2, "'none' does not exist"),
        (["--network", "ethereum.toml", "--key-file", "bad.key"], 1, "invalid_key_file"),
        (["--network", "ethereum.toml", "--key-file", "zero.key"], 1, "invalid_key_file"),
        ([*ENCRYPTED], 3, "password_missing"),
        ([*ENCRYPTED, "--password-file", "bad.key"], 1, "wrong_password"),
        (["--network", "ethereum.toml", "--key-file", "key", "--max-fee-gwei", "0"], 2, "0<x"),
        (["--network", "ethereum.toml", "--key-file", "open.key"], 1, "store_readable_by_others"),
    ],
)
def test_what_cannot_be_served(
    files: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(files)
    result = run("ledger", "serve", "--dir", "ledger", "--port", "0", *args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "11" * 32 not in result.stderr


def test_a_registrar_on_ethereum_starts_without_its_node(files: Path) -> None:
    network = load_network(files / "ethereum.toml")
    with ethereum_service(
        files / "ledger",
        network=network,
        sender=read_account(files / "key"),
        ceiling=None,
        batching=Batching(),
    ) as built:
        assert built.network == network
    assert (files / "ledger").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([], 2, "Missing argument"),
        ([DEVICE.short.text], 2, "--network is needed"),
        (["did:keyborn:x"], 1, "invalid_did"),
        ([f"{DEVICE.short.text}\n"], 1, "invalid_did"),
        (["did:example:1"], 1, "method_not_supported"),
        ([f"{DEVICE.key_did.text}#key"], 1, "a DID URL stands where a DID alone is to stand"),
        (["did:web:example.com/path"], 1, "leave out what follows the DID"),
        ([f"{DEVICE.short.text}?versionId=1"], 1, "leave out what follows the DID"),
        (["did:web:example.com"], 2, "--did-web is needed to fetch https://example.com/"),
        (
            ["did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"],
            1,
            "invalid_public_key_type",
        ),
        ([DEVICE.key_did.text, "--version-id", "0-0"], 1, "version_not_found"),
        ([DEVICE.key_did.text, "--version-time", "now"], 1, "invalid_time"),
        (
            [DEVICE.key_did.text, "--version-id", "x", "--version-time", "2026-01-31T12:00:00Z"],
            2,
            "two ways",
        ),
        ([DEVICE.short.text, "--network", "embedded.toml"], 3, "ledger_unreachable"),
        ([DEVICE.short.text, "--network", "ethereum.toml"], 3, "ledger_unreachable"),
        ([DEVICE.short.text, "--network", "none.toml"], 2, "'none.toml' does not exist"),
    ],
)
def test_what_cannot_be_resolved(
    files: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(files)
    result = run("resolve", *args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert "ledger_unreachable" not in said or "retry in 5 s" in result.stderr


def test_a_did_key_needs_no_network() -> None:
    result = run("resolve", DEVICE.key_did.text)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:2] == [
        f"did           {DEVICE.key_did.text}",
        "registered    not-applicable",
    ]
    data = json.loads(run("resolve", DEVICE.key_did.text, "--json").stdout)
    assert data["didDocument"]["id"] == DEVICE.key_did.text


def test_the_commands_start_without_what_they_may_not_need() -> None:
    """Help and errors of usage come before web3 and FastAPI are imported."""
    script = (
        "import sys\n"
        "from ledger import cli\n"
        "heavy = {'web3', 'fastapi', 'uvicorn', 'sqlalchemy', 'httpx'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.fixture
def anvil() -> None:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")


@pytest.mark.ethereum
@pytest.mark.npm
@pytest.mark.usefixtures("anvil")
def test_a_devnet_with_a_registrar_on_it(tmp_path: Path, ready: Path) -> None:
    chain, network = tmp_path / "chain", tmp_path / "network.toml"
    device = Controller.create(tmp_path / "device")
    devnet = ["ledger", "devnet", "--dir", chain, "--port", "0"]

    def story(rpc: str) -> None:
        assert load_network(chain / "network.toml").rpc == (rpc,)
        assert (chain / "key").stat().st_mode & 0o777 == 0o600
        with process(
            *("ledger", "serve", "--dir", tmp_path / "ledger", "--port", "0"),
            *("--network", chain / "network.toml", "--key-file", chain / "key"),
            *("--network-out", network),
            ready=tmp_path / "ledger.ready",
        ) as (url, service):
            found = load_network(network)
            assert found.url == url
            with open_reader(found) as reader, RegistrarClient(url) as registrar:
                effect = device.register(registrar, reader)
                assert effect.receipt is not None
                assert effect.receipt.gas is not None
                assert effect.receipt.transaction is not None
                assert device.rotate(registrar, reader).version.number == 1
            service.terminate()
            assert service.wait(READY_SECONDS) == 0

    result = served(story, *devnet, ready=ready)
    assert result.exit_code == 0
    assert f"--network {chain}/network.toml --key-file {chain}/key" in result.stderr
    assert not ready.exists()
    (rpc,) = load_network(chain / "network.toml").rpc
    with pytest.raises(httpx.ConnectError):
        httpx.post(rpc, json={})

    def again(_: str) -> None:
        with open_reader(load_network(chain / "network.toml")) as reader:
            assert len(reader.resolve(device.did).versions) == 2

    before = load_network(network).log_id
    assert served(again, *devnet, ready=ready).exit_code == 0
    assert load_network(chain / "network.toml").log_id == before

    (chain / "chain.json").unlink()
    anew = served(lambda _: None, *devnet, ready=ready)
    assert anew.exit_code == 0
    assert "a new log is made" in anew.stderr
    assert load_network(chain / "network.toml").log_id != before


def test_a_devnet_without_anvil(tmp_path: Path) -> None:
    result = run("ledger", "devnet", "--dir", tmp_path / "chain", "--anvil", tmp_path / "none")
    assert result.exit_code == 3
    assert "why:  anvil_missing" in result.stderr
    assert "npm ci" in result.stderr


def test_a_url_that_readers_would_refuse_is_not_handed_out(tmp_path: Path) -> None:
    serve = run("ledger", "serve", "--dir", tmp_path / "l", "--port", "0", "--url", "nowhere")
    assert serve.exit_code == 1, serve.output
    assert "invalid_network" in serve.stderr
    assert not (tmp_path / "l" / "network.toml").exists()


@pytest.mark.parametrize(("options", "status"), [([], 501), (["--did-web"], 503)])
def test_did_web_is_resolved_where_that_is_wanted(
    serve: list[str | Path], ready: Path, options: list[str], status: int
) -> None:
    """With the option it is looked up; this machine is not where documents are fetched from."""
    seen: list[int] = []

    def do(url: str) -> None:
        seen.append(httpx.get(f"{url}/1.0/identifiers/did:web:localhost").status_code)

    assert served(do, *serve, *options, ready=ready).exit_code == 0
    assert seen == [status]


def test_a_version_time_is_written_as_over_http() -> None:
    """Regression: the command took an offset, and the service did not."""
    for text in ("2000-01-01T01:00:00+01:00", "2000-01-01T00:00:00.5Z"):
        refused = run("resolve", DEVICE.key_did.text, "--version-time", text)
        assert refused.exit_code == 1
        assert "why:  invalid_options" in refused.stderr
    read = run("resolve", DEVICE.key_did.text, "--version-time", "2000-01-01T00:00:00Z")
    assert "why:  version_not_found" in read.stderr


def test_a_did_key_to_encrypt_to() -> None:
    did = "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"
    result = run("resolve", did)
    assert (result.exit_code, result.stderr) == (0, "")
    key = did.removeprefix("did:key:")
    assert result.stdout == f"did           {did}\nkey           {key}\n"
    data = json.loads(run("resolve", did, "--json").stdout)
    assert data["didDocument"]["keyAgreement"] == [f"{did}#{key}"]


def test_a_did_web(tmp_path: Path) -> None:
    with web_host(tmp_path) as host:
        did = host.did("devices")
        host.serve(did, document(did, DEVICE))

        def resolve(*args: str) -> Result:
            command = ["resolve", did.text, "--did-web", *args]
            return CliRunner().invoke(cli, command, obj=host.https())

        result = resolve()
        assert (result.exit_code, result.stderr) == (0, "")
        lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
        assert lines[0] == ["did", did.text]
        assert lines[1] == ["registered", "not-applicable"]
        assert lines[2][0] == "fetched"
        key = DEVICE.key.public_key().multibase
        assert lines[3:] == [["key", f"{key}, authentication, assertionMethod"]]
        assert json.loads(resolve("--json").stdout)["didDocument"] == document(did, DEVICE)
        former = resolve("--version-id", "1")
        assert (former.exit_code, former.stdout) == (1, "")
        assert "feature_not_supported" in former.stderr
