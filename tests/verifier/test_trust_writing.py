from dataclasses import replace
from pathlib import Path

import pytest
from actors import DEVICE, ISSUER, STRANGER
from trust_roots import WHOLE

from did.errors import Conflict, Invalid, Refused
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.network import Network
from verifier.trust_file import load_trust_root, parse_trust_root
from verifier.trust_writing import mark_compromised, render, write_trust_root

KEY = DEVICE.next_key.public_key()


def test_what_is_written_reads_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    root = parse_trust_root(WHOLE)

    write_trust_root(path, root)

    assert load_trust_root(path) == root
    with pytest.raises(Conflict) as caught:
        write_trust_root(path, root)
    assert caught.value.code == "trust_root_exists"


def test_a_quorum_of_nodes_is_written_and_digested(tmp_path: Path) -> None:
    """The node list decides what is believed, so it is part of what the digest names."""
    pin = EthereumPin(1, checksum(bytes(20)), bytes(32), bytes(32))
    nodes = ("https://a.example/key", "https://b.example", "http://127.0.0.1:8545")
    network = Network(pin, "https://ledger.example", nodes, 5, quorum=2)
    root = replace(parse_trust_root(WHOLE), network=network)

    write_trust_root(tmp_path / "trust.toml", root)

    read = load_trust_root(tmp_path / "trust.toml")
    assert read == root
    assert (read.network.rpc, read.network.agreeing) == (nodes, 2)
    assert read.digest == root.digest
    assert read.digest != replace(root, network=replace(network, quorum=3)).digest


ONE = WHOLE[: WHOLE.index("[[issuers]]", WHOLE.index("[[issuers]]") + 1)]
FORMS = {
    "as it is written here": render(parse_trust_root(ONE)),
    "with an empty list": ONE.replace(f'["{STRANGER.key.public_key().multibase}"]', "[]"),
    "with a list on one line": ONE,
    "with a list on several lines": ONE.replace(
        f'["{STRANGER.key.public_key().multibase}"]',
        f'[\n  "{STRANGER.key.public_key().multibase}", # lost in May\n]',
    ),
    "without a list": ONE[: ONE.index("compromised_keys")],
    "with remarks": ONE.replace("types =", "# what it may issue\n  types ="),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_marked_and_all_else_stays(tmp_path: Path, form: str) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(FORMS[form])
    before = load_trust_root(path)

    marked = mark_compromised(path, KEY)

    assert load_trust_root(path) == marked
    assert marked.issuers[0].compromised_keys == (KEY, *before.issuers[0].compromised_keys)
    text = path.read_text()
    assert [line for line in FORMS[form].splitlines() if "#" in line] == [
        line for line in text.splitlines() if "#" in line
    ]
    assert mark_compromised(path, KEY) == marked
    assert path.read_text() == text


def test_whose_key_it_is_must_be_said_where_there_are_several(tmp_path: Path) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(WHOLE)

    with pytest.raises(Invalid) as several:
        mark_compromised(path, KEY)
    assert several.value.code == "issuer_not_named"
    with pytest.raises(Refused) as unknown:
        mark_compromised(path, KEY, issuer=STRANGER.short)
    assert unknown.value.code == "untrusted_issuer"
    assert path.read_text() == WHOLE

    second = mark_compromised(path, KEY, issuer=DEVICE.key_did)
    assert [KEY in issuer.compromised_keys for issuer in second.issuers] == [False, True]
    both = mark_compromised(path, KEY, issuer=ISSUER.did)
    assert [KEY in issuer.compromised_keys for issuer in both.issuers] == [True, True]


@pytest.mark.parametrize(
    "odd",
    [
        ONE.replace("did =", '"did" ='),
        ONE.replace('did = "', "did = '").replace('"\ntypes', "'\ntypes"),
        ONE.replace("compromised_keys =", '"compromised_keys" ='),
    ],
)
def test_a_file_that_is_written_in_another_way_is_left_alone(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "trust.toml"
    path.write_text(odd)

    with pytest.raises(Invalid) as caught:
        mark_compromised(path, KEY)

    assert caught.value.code == "edit_by_hand"
    assert KEY.multibase in str(caught.value.hint)
    assert path.read_text() == odd
