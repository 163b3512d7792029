"""The project's own vectors are those that its code makes, and cover what they are meant to."""

import json
from typing import Any

import pytest
from keyborn_vectors import FOLDER, files, text
from vector_parts import versions_json

from did.identifier import parse_did
from did.keys import PublicKey
from ledger.chain import LogEntry
from ledger.embedded.heads import EmbeddedPin, verify_head

MADE = files()


def on_disk(name: str) -> Any:
    return json.loads((FOLDER / name).read_bytes())


@pytest.mark.parametrize("name", MADE)
def test_they_are_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text() == text(MADE[name]), "run python tests/keyborn_vectors.py"


def test_there_are_no_others_and_each_is_described() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(MADE)
    readme = (FOLDER / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in MADE)


@pytest.mark.parametrize("born", on_disk("births.json")["births"], ids=lambda born: born["did"])
def test_the_dids_are_read(born: Any) -> None:
    long = parse_did(born["longForm"])
    assert long.canonical.text == born["did"]
    assert parse_did(born["did"]) == long.canonical


@pytest.mark.parametrize("log", on_disk("logs.json")["logs"], ids=lambda log: log["name"])
def test_an_operation_marked_as_ignored_is_and_the_last_is_not_lost(log: Any) -> None:
    entries = [
        LogEntry(
            each["sequence"],
            each["kind"],
            bytes.fromhex(each["batch"]),
            each["blockNumber"],
            each["blockTime"],
        )
        for each in log["entries"]
    ]
    log_id = bytes.fromhex(log["logId"])
    assert versions_json(log_id, entries) == log["dids"]
    effective = {version["sequence"] for versions in log["dids"].values() for version in versions}
    for entry in log["entries"]:
        note = entry.get("note", "")
        if note.startswith(("ignored", "void")):
            assert entry["sequence"] not in effective
        elif len(entry["batch"]) > 8 and entry["batch"].startswith("8301"):  # no void one
            assert entry["sequence"] in effective, note


def test_every_signed_head_holds() -> None:
    heads = on_disk("heads.json")
    pin = EmbeddedPin(bytes.fromhex(heads["logId"]), PublicKey(bytes.fromhex(heads["headKey"])))
    for head in heads["heads"]:
        read = verify_head(pin, bytes.fromhex(head["evidence"]))
        assert (read.finality, read.sequence) == (head["finality"], head["sequence"])
        assert (read.head.hex(), read.time) == (head["head"], head["time"])
