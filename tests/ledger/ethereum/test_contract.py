import json
import shutil
import subprocess
from pathlib import Path

import pytest

import ledger
from did.errors import Invalid
from ledger.ethereum.contract import SLOT_HEAD, SLOT_SEQUENCE, compiled, read_batch

CONTRACTS = Path(ledger.__file__).parent / "contracts"


def encoded(batch: bytes) -> bytes:
    padding = bytes(-len(batch) % 32)
    return (32).to_bytes(32, "big") + len(batch).to_bytes(32, "big") + batch + padding


@pytest.mark.npm
def test_the_packaged_contract_is_what_its_source_compiles_to() -> None:
    node = shutil.which("node")
    if node is None or not (CONTRACTS.parents[1] / "node_modules" / "solc").is_dir():
        pytest.skip("the Solidity compiler is not installed: run `npm ci`")
    built = subprocess.run(
        [node, CONTRACTS / "build.mjs", "--print"], check=True, capture_output=True, text=True
    )
    assert built.stdout == (CONTRACTS / "DidLog.json").read_text()


def test_the_slots_are_those_of_the_compiled_layout() -> None:
    layout = json.loads((CONTRACTS / "DidLog.json").read_text())["storage"]
    assert layout == {"head": SLOT_HEAD, "sequence": SLOT_SEQUENCE}


def test_the_code_hash_names_the_log() -> None:
    contract = compiled()
    for offset in contract.log_id_offsets:
        assert contract.runtime[offset : offset + 32] == bytes(32)
    assert contract.code_hash(b"a" * 32) != contract.code_hash(b"b" * 32)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 1_000])
def test_a_batch_is_read_from_its_event(length: int) -> None:
    batch = b"b" * length
    assert read_batch(encoded(batch)) == batch


@pytest.mark.parametrize(
    "event",
    [
        b"",
        encoded(b"batch")[:-1],
        encoded(b"batch") + bytes(32),
        bytes(32) + encoded(b"batch")[32:],
        (32).to_bytes(32, "big") + b"\xff" * 32,
    ],
)
def test_an_event_of_another_form_is_refused(event: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        read_batch(event)
    assert raised.value.code == "ledger_malformed_answer"
