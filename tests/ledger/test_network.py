from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, LOG_ID, STRANGER, actor
from lying import fronted
from mirrors import fill
from operations import batch, create

from did.errors import Invalid, KeybornError, Unavailable
from did.resolution import Registration
from ledger.embedded.heads import EmbeddedPin
from ledger.embedded.store import EmbeddedLedger
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.network import Network, load_network, open_reader, parse_network, write_network

KEY = actor("ledger").key.public_key()
EMBEDDED = {
    "type": "embedded",
    "log_id": LOG_ID.hex(),
    "head_key": KEY.multibase,
    "url": "https://ledger.example",
}
CONTRACT = checksum(bytes(range(20)))
ETHEREUM = {
    "type": "ethereum",
    "log_id": LOG_ID.hex(),
    "chain_id": 1,
    "contract": CONTRACT,
    "code_hash": "11" * 32,
    "rpc": "https://node.example/key",
    "first_block": 5,
    "url": "https://ledger.example",
}


def several(count: int) -> list[str]:
    return [f"https://node{number}.example/key" for number in range(count)]


def test_an_embedded_network_is_read() -> None:
    network = parse_network(EMBEDDED)
    assert network == Network(EmbeddedPin(LOG_ID, KEY), "https://ledger.example")
    assert network.log_id == LOG_ID
    assert network.to_table() == EMBEDDED


def test_an_ethereum_network_is_read() -> None:
    network = parse_network(ETHEREUM)
    pin = EthereumPin(1, CONTRACT, b"\x11" * 32, LOG_ID)
    assert network == Network(pin, "https://ledger.example", ("https://node.example/key",), 5)
    assert network.log_id == LOG_ID
    assert network.to_table() == ETHEREUM
    assert parse_network({k: v for k, v in ETHEREUM.items() if k != "first_block"}).first_block == 0
    assert network.agreeing == 1


@pytest.mark.parametrize(
    ("nodes", "quorum", "agreeing"),
    [(1, None, 1), (2, None, 2), (3, None, 2), (4, None, 3), (16, None, 9), (3, 3, 3), (3, 1, 1)],
)
def test_several_nodes_are_read_and_most_of_them_must_agree(
    nodes: int, quorum: int | None, agreeing: int
) -> None:
    listed = several(nodes)
    chosen = {} if quorum is None else {"quorum": quorum}
    network = parse_network({**ETHEREUM, "rpc": listed, **chosen})
    assert network.rpc == tuple(listed)
    assert (network.quorum, network.agreeing) == (quorum, agreeing)
    written = network.to_table()
    assert written == {**ETHEREUM, "rpc": listed if nodes > 1 else listed[0], **chosen}
    assert parse_network(written) == network


def test_where_a_node_announces_blocks_is_read() -> None:
    table = {**ETHEREUM, "ws": "wss://node.example/key"}
    assert parse_network(table).ws == "wss://node.example/key"
    assert parse_network(table).to_table() == table


@pytest.mark.parametrize("table", [EMBEDDED, ETHEREUM])
@pytest.mark.parametrize("mirror", ["https://mirror.example/log", "/var/lib/mirror"])
def test_a_mirror_is_read(table: dict[str, Any], mirror: str) -> None:
    network = parse_network({**table, "mirror": mirror})
    assert network == replace(parse_network(table), mirror=mirror)
    assert network.to_table() == {**table, "mirror": mirror}


def test_a_network_with_a_mirror_takes_its_entries_from_there(tmp_path: Path) -> None:
    with EmbeddedLedger(tmp_path / "ledger") as ledger, fronted(ledger) as front:
        ledger.submit(ledger.prepare(batch(create(DEVICE))))
        fill(tmp_path / "mirror", ledger)
        network = Network(ledger.pin, front.url, mirror=str(tmp_path / "mirror"))
        with open_reader(network) as reader:
            assert reader.resolve(DEVICE.short).registration is Registration.YES
        assert [asked for asked in front.asked if "entries" in asked] == []


@pytest.mark.parametrize(
    "table", [EMBEDDED, ETHEREUM, {**ETHEREUM, "rpc": several(3), "quorum": 2}]
)
def test_what_is_written_is_loaded(table: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    write_network(path, parse_network(table))
    assert path.read_text().startswith("[log]\n")
    assert load_network(path) == parse_network(table)


@pytest.mark.parametrize(
    ("table", "change", "code"),
    [
        (EMBEDDED, {"type": None}, "invalid_network"),
        (EMBEDDED, {"type": "paper"}, "invalid_network"),
        (EMBEDDED, {"log_id": LOG_ID.hex().upper()}, "invalid_network"),
        (EMBEDDED, {"log_id": LOG_ID.hex()[:-2]}, "invalid_network"),
        (EMBEDDED, {"log_id": 5}, "invalid_network"),
        (EMBEDDED, {"head_key": "z6Mk"}, "invalid_network"),
        (EMBEDDED, {"head_key": KEY.raw.hex()}, "invalid_network"),
        (EMBEDDED, {"head_key": None}, "invalid_network"),
        (EMBEDDED, {"url": "ledger.example"}, "invalid_network"),
        (EMBEDDED, {"url": "file:///etc/passwd"}, "invalid_network"),
        (EMBEDDED, {"rpc": "https://node.example"}, "invalid_network"),
        (EMBEDDED, {"more": 1}, "invalid_network"),
        (ETHEREUM, {"head_key": KEY.multibase}, "invalid_network"),
        (ETHEREUM, {"chain_id": "1"}, "invalid_network"),
        (ETHEREUM, {"chain_id": True}, "invalid_network"),
        (ETHEREUM, {"chain_id": None}, "invalid_network"),
        (ETHEREUM, {"chain_id": 0}, "ledger_bad_pin"),
        (ETHEREUM, {"first_block": -1}, "invalid_network"),
        (ETHEREUM, {"contract": "0x" + CONTRACT[2:].swapcase()}, "ledger_bad_pin"),
        (ETHEREUM, {"code_hash": "11"}, "invalid_network"),
        (ETHEREUM, {"rpc": "node.example"}, "invalid_network"),
        (ETHEREUM, {"rpc": None}, "invalid_network"),
        (ETHEREUM, {"rpc": []}, "invalid_network"),
        (ETHEREUM, {"rpc": several(17)}, "invalid_network"),
        (ETHEREUM, {"rpc": [*several(2), 5]}, "invalid_network"),
        (ETHEREUM, {"rpc": [*several(2), "node.example"]}, "invalid_network"),
        (ETHEREUM, {"rpc": [*several(2), "https://node.example:x"]}, "invalid_network"),
        (ETHEREUM, {"rpc": [*several(2), "https://NODE1.example:443/x"]}, "invalid_network"),
        (ETHEREUM, {"rpc": several(3), "quorum": 0}, "invalid_network"),
        (ETHEREUM, {"rpc": several(3), "quorum": 4}, "invalid_network"),
        (ETHEREUM, {"rpc": several(3), "quorum": "2"}, "invalid_network"),
        (ETHEREUM, {"quorum": 2}, "invalid_network"),
        (EMBEDDED, {"quorum": 1}, "invalid_network"),
        (ETHEREUM, {"ws": "https://node.example"}, "invalid_network"),
        (EMBEDDED, {"ws": "wss://node.example"}, "invalid_network"),
        (ETHEREUM, {"mirror": 5}, "invalid_network"),
        (ETHEREUM, {"mirror": "mirror.example"}, "mirror_bad_place"),
        (EMBEDDED, {"mirror": "relative/folder"}, "mirror_bad_place"),
    ],
)
def test_a_network_of_another_form_is_refused(
    table: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    changed = {name: value for name, value in {**table, **change}.items() if value is not None}
    with pytest.raises(Invalid) as caught:
        parse_network(changed)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"log = 1",
        b"[log]\ntype = ",
        b"\xff",
        b"[log]\n[more]\n",
        b"[log]\n" + b"#" * 65_536,
    ],
)
def test_a_file_of_another_form_is_refused(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    path.write_bytes(text)
    with pytest.raises(Invalid) as caught:
        load_network(path)
    assert caught.value.code == "invalid_network"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(Unavailable) as caught:
            load_network(path)
        assert caught.value.code == "network_missing"
        assert caught.value.value == str(path)


def test_a_reader_of_an_embedded_network_resolves(tmp_path: Path) -> None:
    with EmbeddedLedger(tmp_path / "ledger") as ledger, fronted(ledger) as front:
        ledger.submit(ledger.prepare(batch(create(DEVICE))))
        network = Network(ledger.pin, front.url)
        for index in (None, tmp_path / "index.sqlite", tmp_path / "index.sqlite"):
            with open_reader(network, index) as reader:
                assert reader.log_id == ledger.log_id
                assert reader.resolve(DEVICE.short).registration is Registration.YES
                assert reader.resolve(STRANGER.short).registration is Registration.NO


def test_a_reader_whose_index_cannot_be_used_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"")
    path.chmod(0o644)
    with pytest.raises(KeybornError) as caught:
        open_reader(parse_network(EMBEDDED), path)
    assert caught.value.code == "store_readable_by_others"


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({**EMBEDDED, "url": "https://"}, "invalid_url"),
        ({**ETHEREUM, "rpc": "https://"}, "ledger_bad_url"),
    ],
)
def test_an_address_without_a_host_is_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        open_reader(parse_network(table))
    assert caught.value.code == code


@pytest.mark.parametrize("address", ["wss://node.example/v3/hunter2", "node.example/v3/hunter2"])
@pytest.mark.parametrize("several", [True, False])
def test_what_is_wrong_with_an_address_is_told_without_its_key(
    address: str, *, several: bool
) -> None:
    """Who pasted the wrong one of a provider's addresses had the key on the screen, or in a log."""
    with pytest.raises(Invalid) as caught:
        parse_network({**ETHEREUM, "rpc": [address] if several else address})
    assert "hunter2" not in f"{caught.value} {caught.value.value}"
