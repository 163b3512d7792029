"""Files that people hand around: the network file, the trust root, claims."""

import tomllib
from collections.abc import Mapping
from typing import Any, Final

import tomli_w
from actors import LOG_ID, STRANGER
from fuzz.target import Target, same, utf8_of
from trust_roots import WHOLE

from did.errors import Invalid
from keyborn.toml import parse_toml
from ledger.embedded.heads import EmbeddedPin
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.network import Network, parse_network
from verifier.trust_file import parse_trust_root
from verifier.trust_root import TrustRoot
from verifier.trust_writing import render

_MOST: Final = 8_192
_FIELDS: Final = tuple(
    f"{name} = ".encode()
    for name in (
        "type",
        "log_id",
        "head_key",
        "url",
        "mirror",
        "chain_id",
        "contract",
        "code_hash",
        "rpc",
        "quorum",
        "first_block",
        "ws",
        "did",
        "types",
        "status",
        "from",
        "until",
        "compromised_keys",
        "finality",
        "max_status_age",
        "models",
    )
)


def _read_network(data: bytes) -> Network:
    table: Any = parse_toml(utf8_of(data)).get("log")
    if not isinstance(table, dict):  # as ``load_network`` does
        raise Invalid("invalid_network", "the file has not one table, [log]")
    return parse_network(table)


def _network_law(_: bytes, network: Network) -> None:
    written = tomli_w.dumps({"log": network.to_table()})
    same(parse_network(tomllib.loads(written)["log"]), network, "a network is read as written")


def _root_law(_: bytes, root: TrustRoot) -> None:
    same(parse_trust_root(render(root)), root, "a trust root is read as written")


def _networks() -> Mapping[str, bytes]:
    contract = checksum(bytes(range(20)))
    urls = ("https://a.example", "http://127.0.0.1:8545/key")
    networks = {
        "embedded": Network(
            EmbeddedPin(LOG_ID, STRANGER.key.public_key()),
            "https://ledger.example",
            mirror="/var/lib/mirror",
        ),
        "ethereum": Network(
            EthereumPin(1, contract, LOG_ID, LOG_ID),
            "https://ledger.example",
            urls,
            7,
            2,
            "https://mirror.example/",
            "wss://node.example",
        ),
    }
    return {
        name: tomli_w.dumps({"log": network.to_table()}).encode()
        for name, network in networks.items()
    }


TARGETS: Final = {
    "network-file": Target(
        _read_network, _network_law, _networks, max_bytes=_MOST, words=(*_FIELDS, b"[log]\n")
    ),
    "trust-root": Target(
        lambda data: parse_trust_root(utf8_of(data)),
        _root_law,
        lambda: {"whole": WHOLE.encode()},
        max_bytes=_MOST,
        words=(*_FIELDS, b"[[issuers]]\n", b"[policy]\n", b"[log]\n"),
    ),
}
