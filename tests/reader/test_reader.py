"""A second reader, in JavaScript, replays the vectors and a live log to the same states.

``reader.mjs`` is given what a case gives, and never what is expected of it.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, STRANGER
from operations import create
from proving import Site, site, tell
from published import vectors
from vector_parts import LOG, Log
from vector_signatures import signatures

from did.identifier import Genesis
from ledger.ethereum.contract import APPENDED
from ledger.network import open_reader
from ledger.operations import Create, Update, decode_batch, rotation_message

pytestmark = pytest.mark.npm

READER = Path(__file__).parent / "reader.mjs"
FOLDER = Path(__file__).parents[1] / "vectors" / "keyborn"


def ask(**questions: Any) -> Any:
    answered = subprocess.run(
        ["node", str(READER)],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answered.returncode == 0, answered.stderr
    return json.loads(answered.stdout)


def given(items: list[Any], *names: str) -> list[Any]:
    return [{name: item[name] for name in names if name in item} for item in items]


def log_given(log: Any) -> Any:
    entries = given(log["entries"], "kind", "batch", "blockNumber", "blockTime")
    return {"logId": log["logId"], "entries": entries}


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    return {path.name: json.loads(path.read_bytes()) for path in FOLDER.glob("*.json")}


@pytest.fixture(scope="module")
def answers(cases: dict[str, Any]) -> Any:
    """What the second reader makes of all of them, asked at once."""
    batches = cases["batches.json"]
    heads = cases["heads.json"]
    return ask(
        births=given(cases["births.json"]["births"], "seed", "nextSeed"),
        batches=given(batches["valid"] + batches["void"], "bytes", "parts"),
        operations=given(
            cases["operations.json"]["operations"],
            *("genesis", "logId", "id", "prev", "reveal", "next", "seed", "sig"),
        ),
        heads={**heads, "heads": [head["evidence"] for head in heads["heads"]]},
        logs=[log_given(log) for log in cases["logs.json"]["logs"]],
    )


def test_births(cases: dict[str, Any], answers: Any) -> None:
    births = cases["births.json"]["births"]
    assert births == [
        {"seed": born["seed"], "nextSeed": born["nextSeed"], **answer}
        for born, answer in zip(births, answers["births"], strict=True)
    ]


def test_batches(cases: dict[str, Any], answers: Any) -> None:
    valid, void = cases["batches.json"]["valid"], cases["batches.json"]["void"]
    assert answers["batches"][len(valid) :] == [None] * len(void)
    for batch, answer in zip(valid, answers["batches"], strict=False):
        if "createCount" in batch:
            assert len(answer["creates"]) == batch["createCount"]
        else:
            assert answer == {name: batch[name] for name in ("creates", "updates")}, batch["name"]


def test_operations(cases: dict[str, Any], answers: Any) -> None:
    for operation, answer in zip(
        cases["operations.json"]["operations"], answers["operations"], strict=True
    ):
        assert answer.pop("holds", True) is True
        assert answer == {name: operation[name] for name in answer}


def test_heads(cases: dict[str, Any], answers: Any) -> None:
    expected = [dict(head) for head in cases["heads.json"]["heads"]]
    for head in expected:
        del head["evidence"]
    assert answers["heads"] == expected


def test_logs(cases: dict[str, Any], answers: Any) -> None:
    logs = cases["logs.json"]["logs"]
    assert len(logs) > 30
    for log, answer in zip(logs, answers["logs"], strict=True):
        assert answer["heads"] == [entry["head"] for entry in log["entries"]], log["name"]
        assert answer["dids"] == log["dids"], log["name"]


def test_an_altered_log_leads_to_another_head(cases: dict[str, Any], answers: Any) -> None:
    """Or agreeing would show nothing."""
    logs = cases["logs.json"]["logs"]
    number = next(n for n, log in enumerate(logs) if log["name"].startswith("a life"))
    altered = log_given(logs[number])
    altered["entries"][0]["blockTime"] += 1
    (answer,) = ask(logs=[altered])["logs"]
    assert answer["dids"] == answers["logs"][number]["dids"]
    assert set(answer["heads"]).isdisjoint(answers["logs"][number]["heads"])


def speccheck_logs(cases: list[dict[str, str]]) -> Iterator[Any]:
    """Each case's key promised by a genesis, and revealed under the case's signature."""
    for case in cases:
        key = bytes.fromhex(case["pub_key"])
        made = Create(Genesis(DEVICE.key.public_key().raw, hashlib.sha256(key).digest()))
        following = hashlib.sha256(STRANGER.key.public_key().raw).digest()
        update = Update(made.id, key, following, bytes.fromhex(case["signature"]))
        yield Log("a case of ed25519-speccheck").add(made).add(update).to_json()


def test_no_case_of_speccheck_has_an_effect_in_either_reader() -> None:
    speccheck = vectors("ed25519-speccheck/cases.json")["cases"]
    logs = list(speccheck_logs(speccheck))
    assert len(logs) == 12
    answered = ask(
        logs=[log_given(log) for log in logs],
        signatures=[
            {"key": case["pub_key"], "signature": case["signature"], "message": case["message"]}
            for case in speccheck
        ],
    )
    for log, answer in zip(logs, answered["logs"], strict=True):
        ((versions,), (theirs,)) = log["dids"].values(), answer["dids"].values()
        assert [version["number"] for version in versions] == [0]
        assert theirs == versions
    assert [each["holds"] for each in answered["signatures"]] == [False] * 12
    # Most of them pass a lenient verifier, so it is the rule that refuses them.
    assert sum(each["lenient"] for each in answered["signatures"]) == 9


def test_the_forgeries_would_pass_a_lenient_verifier() -> None:
    asked = []
    for log in signatures():
        (update,) = decode_batch(log.batches[1][0]).operations
        assert isinstance(update, Update)
        message = rotation_message(LOG, update.id, update.id, update.reveal, update.next)
        asked.append(
            {
                "key": update.reveal.hex(),
                "signature": update.signature.hex(),
                "message": message.hex(),
            }
        )
    answered = ask(signatures=asked)["signatures"]
    assert not any(each["holds"] for each in answered)
    passed = [log.name for log, each in zip(signatures(), answered, strict=True) if each["lenient"]]
    refused = {log.name.partition(":")[0] for log in signatures()} - {
        name.partition(":")[0] for name in passed
    }
    assert refused == {"S is L more", "S is 8 L more", "A is no point"}


# ---------------------------------------------------------------- a live log


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site("ethereum", tmp_path_factory.mktemp("site")) as made:
        tell(made)
        made.append_bytes(b"no batch")
        for log in signatures()[:2]:
            for batch, _ in log.batches:  # signed for another log, so ignored here
                made.append_bytes(batch)
        made.append(create(STRANGER))
        yield made


@pytest.mark.ethereum
def test_a_live_log_is_read_to_the_same_states_and_head(live: Site, tmp_path: Path) -> None:
    assert live.anvil is not None
    node = live.anvil.node
    contract = live.network.to_table()["contract"]
    found: Any = node.call(
        "eth_getLogs",
        {"address": contract, "fromBlock": "0x0", "topics": ["0x" + APPENDED.hex()]},
    )
    entries = []
    for event in found:
        data = bytes.fromhex(event["data"][2:])  # ABI: where the bytes begin, how many, and they
        size = int.from_bytes(data[32:64], "big")
        block: Any = node.call("eth_getBlockByHash", event["blockHash"], False)
        entries.append(
            {
                "kind": 0,
                "batch": data[64 : 64 + size].hex(),
                "blockNumber": int(event["blockNumber"], 16),
                "blockTime": int(block["timestamp"], 16),
            }
        )
    fetched = tmp_path / "log.json"
    fetched.write_text(json.dumps({"logId": live.network.log_id.hex(), "entries": entries}))
    (answer,) = ask(logs=[json.loads(fetched.read_text())])["logs"]
    assert len(answer["heads"]) == 16
    assert "0x" + answer["heads"][-1] == node.call("eth_getStorageAt", contract, "0x0", "latest")
    with open_reader(live.network) as reader:
        newest = reader.sync().latest
        assert answer["heads"][-1] == newest.head.hex()
        assert len(answer["dids"]) == 8
        for id_, theirs in answer["dids"].items():
            ours = reader.versions(bytes.fromhex(id_))
            assert theirs == [
                {
                    "number": version.state.number,
                    "operation": version.state.operation.hex(),
                    "key": None if version.state.key is None else version.state.key.hex(),
                    "next": None if version.state.next is None else version.state.next.hex(),
                    "sequence": version.sequence,
                }
                for version in ours
            ]
        numbers = [len(versions) for versions in answer["dids"].values()]
    assert max(numbers) == 3
