import json
from pathlib import Path
from typing import Any

import pytest

from did.errors import Invalid
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.header import read_header

# Block 1 of mainnet, and block 1 of a devnet under each later rule set, as their nodes give them. A
# hash covers a whole header, so that one header of each form is its test vector.
HEADERS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("headers.json").read_text()
)
FRONTIER = HEADERS["frontier"]
FIELDS = [(fork, name) for fork in ("frontier", "osaka") for name in HEADERS[fork]]


@pytest.mark.parametrize("fork", list(HEADERS))
def test_each_fork_s_header_has_its_hash(fork: str) -> None:
    header = read_header(HEADERS[fork])
    assert header.hash.hex() == HEADERS[fork]["hash"][2:]


def test_the_first_block_of_mainnet() -> None:
    header = read_header(FRONTIER)
    assert (header.number, header.time) == (1, 1_438_269_988)
    assert header.hash.hex() == FRONTIER["hash"][2:]
    assert header.parent.hex() == FRONTIER["parentHash"][2:]
    assert header.state_root.hex() == FRONTIER["stateRoot"][2:]


@pytest.mark.parametrize(("fork", "name"), FIELDS)
def test_every_field_is_under_the_hash(fork: str, name: str) -> None:
    value = HEADERS[fork][name]
    changed = "0x01" if value == "0x" else value[:-1] + ("1" if value[-1] != "1" else "2")
    other = {**HEADERS[fork], name: changed}
    with pytest.raises(Invalid) as raised:
        read_header(other)
    assert raised.value.code == "ledger_forged_header"


@pytest.mark.parametrize(("fork", "name"), FIELDS)
def test_every_field_is_needed(fork: str, name: str) -> None:
    block = {given: value for given, value in HEADERS[fork].items() if given != name}
    with pytest.raises(Invalid) as raised:
        read_header(block)
    assert raised.value.code in ("ledger_malformed_answer", "ledger_forged_header")


@pytest.mark.parametrize("block", [None, [], "0x", {}])
def test_what_is_no_block_is_malformed(block: object) -> None:
    with pytest.raises(Invalid) as raised:
        read_header(block)
    assert raised.value.code == "ledger_malformed_answer"


@pytest.mark.ethereum
@pytest.mark.npm
def test_a_block_of_today(anvil: AnvilNode) -> None:
    block: Any = anvil.node.call("eth_getBlockByNumber", "latest", False)
    assert "requestsHash" in block
    assert read_header(block).number == int(block["number"], 16)
    del block["withdrawalsRoot"]
    with pytest.raises(Invalid):
        read_header(block)
