"""Which log to believe, and where: ``network.toml``, which whoever runs a ledger hands out.

::

    [log]
    type = "embedded"
    log_id = "<64 hexadecimal digits>"
    head_key = "z6Mk…"                     the key that signs its heads
    url = "https://ledger.example"         registrar, resolution, heads and entries

    [log]
    type = "ethereum"
    log_id = "<64 hexadecimal digits>"
    chain_id = 1
    contract = "0x…"                       address of DidLog, with its EIP-55 checksum
    code_hash = "<64 hexadecimal digits>"  keccak-256 of the contract's code
    rpc = "https://node.example"           an Ethereum node
    first_block = 0                        may be left out: where the search for entries begins
    ws = "wss://node.example"              may be left out: where the node tells of new blocks
    url = "https://ledger.example"         registrar and resolution

Both may have, besides::

    mirror = "https://mirror.example/log"  where entries come from; or the absolute path of a folder

``log_id``, and what belongs to it, is the pin: a reader refuses whatever contradicts it. The
addresses are no part of it; what answers there is not trusted. A verifier's trust root contains
the same ``[log]`` table.
"""

import re
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tomli_w

from did.errors import Invalid, Unavailable
from did.keys import PublicKey
from keyborn.files import write_public
from ledger.embedded.heads import EmbeddedPin
from ledger.index import Index
from ledger.log import LogSource
from ledger.mirror.source import MirrorSource, open_mirror, parse_place
from ledger.reader import LogReader

if TYPE_CHECKING:
    from ledger.ethereum.pin import EthereumPin

_STEP: Final = "read the network"
_HASH_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FILE_BYTES: Final = 65_536
_COMMON: Final = frozenset({"type", "log_id", "url", "mirror"})
_MEMBERS: Final = {
    "embedded": _COMMON | {"head_key"},
    "ethereum": _COMMON | {"chain_id", "contract", "code_hash", "rpc", "first_block", "ws"},
}
_HINT: Final = "take the file from who runs the ledger"


@dataclass(frozen=True, slots=True)
class Network:
    """One log: what is pinned of it, and where it is reached.

    Attributes:
        pin: What must hold, by the kind of ledger.
        url: Of ``keyborn ledger serve``.
        rpc: Of an Ethereum node; None for the embedded ledger.
        first_block: Where the search for entries begins on Ethereum: the block of the deployment.
            Lower is never wrong, but slow.
        ws: Where the node tells of new blocks, if not where ``rpc`` is, by ``ws`` or ``wss``.
        mirror: Where entries come from, if not from where heads do (``ledger.mirror.source``).
    """

    pin: "EmbeddedPin | EthereumPin"
    url: str
    rpc: str | None = None
    first_block: int = 0
    mirror: str | None = None
    ws: str | None = None

    @property
    def log_id(self) -> bytes:
        """The 32 bytes that name the log."""
        return self.pin.log_id

    def to_table(self) -> dict[str, str | int]:
        """The ``[log]`` table."""
        mirror = {} if self.mirror is None else {"mirror": self.mirror}
        if isinstance(self.pin, EmbeddedPin):
            return {
                "type": "embedded",
                "log_id": self.log_id.hex(),
                "head_key": self.pin.head_key.multibase,
                "url": self.url,
                **mirror,
            }
        assert self.rpc is not None
        return {
            "type": "ethereum",
            "log_id": self.log_id.hex(),
            "chain_id": self.pin.chain_id,
            "contract": self.pin.contract,
            "code_hash": self.pin.code_hash.hex(),
            "rpc": self.rpc,
            "first_block": self.first_block,
            "url": self.url,
            **({} if self.ws is None else {"ws": self.ws}),
            **mirror,
        }


def load_network(path: Path) -> Network:
    """The network that the file at ``path`` names.

    Raises:
        Unavailable: ``network_missing``, there is no such file, or it cannot be read.
        Invalid: ``invalid_network``, or as ``parse_network``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES + 1)
    except OSError as error:
        raise Unavailable(
            "network_missing",
            f"the network file cannot be read: {error.strerror}",
            step=_STEP,
            value=str(path),
            hint=f"{_HINT}, and give its path with --network",
        ) from error
    if len(data) > _FILE_BYTES:
        raise _invalid(f"the file is larger than {_FILE_BYTES} bytes", str(path))
    try:
        tables = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _invalid(f"the file is not TOML: {error}", str(path)) from error
    if set(tables) != {"log"} or not isinstance(tables["log"], dict):
        raise _invalid("the file has not one table, [log]", str(path))
    return parse_network(tables["log"])


def write_network(path: Path, network: Network) -> None:
    """Put ``network`` at ``path``, readable by all, replacing what is there."""
    write_public(path, tomli_w.dumps({"log": network.to_table()}).encode())


def parse_network(table: Mapping[str, object]) -> Network:
    """The network that a ``[log]`` table names.

    Raises:
        Invalid: ``invalid_network``, ``ledger_bad_pin``, ``mirror_bad_place``.
    """
    kind = _text(table, "type")
    if kind not in _MEMBERS:
        raise _invalid("the type is neither embedded nor ethereum", kind)
    surplus = sorted(set(table) - _MEMBERS[kind])
    if surplus:
        raise _invalid(f"[log] of type {kind} has no such member", surplus[0])
    log_id, url = _hash(table, "log_id"), _url(table, "url")
    mirror = parse_place(_text(table, "mirror")) if "mirror" in table else None
    if kind == "embedded":
        return Network(EmbeddedPin(log_id, _key(table, "head_key")), url, mirror=mirror)
    from ledger.ethereum.pin import EthereumPin  # noqa: PLC0415 - only where it is used

    counts = {"first_block": 0, **table}
    pin = EthereumPin(
        chain_id=_count(counts, "chain_id"),
        contract=_text(table, "contract"),
        code_hash=_hash(table, "code_hash"),
        log_id=log_id,
    )
    return Network(
        pin,
        url,
        _url(table, "rpc"),
        _count(counts, "first_block"),
        mirror,
        _url(table, "ws", ("ws", "wss")) if "ws" in table else None,
    )


def with_mirror(network: Network, place: str | None) -> Network:
    """``network`` with its entries from the mirror at ``place``, a URL or a folder; None: as it is.

    Raises:
        Invalid: ``mirror_bad_place``.
    """
    if place is None:
        return network
    return replace(
        network, mirror=parse_place(place if ":" in place else str(Path(place).resolve()))
    )


def open_reader(network: Network, index: Path | None = None) -> LogReader:
    """A reader of the log; close it, or use it as a context manager.

    Args:
        network: The log.
        index: Where to keep what was read; None for a temporary place, which goes with the reader.

    Raises:
        Invalid: ``invalid_url``, ``ledger_bad_url``.
        KeybornError: As ``Index.open``.
    """
    with ExitStack() as opened:
        source = open_source(network, opened)
        log_id = network.log_id
        kept = Index.temporary(log_id) if index is None else Index.open(index, log_id)
        return LogReader(source, kept, on_close=opened.pop_all().close)


def open_source(network: Network, opened: ExitStack) -> LogSource:
    """What brings the log; ``opened`` closes it.

    Raises:
        Invalid: ``invalid_url``, ``ledger_bad_url``, ``mirror_bad_place``.
    """
    log = _open_log(network, opened)
    if network.mirror is None:
        return log
    return MirrorSource(log, open_mirror(network.mirror, network.log_id, opened))


def _open_log(network: Network, opened: ExitStack) -> LogSource:
    if isinstance(network.pin, EmbeddedPin):
        from ledger.embedded.source import HttpSource  # noqa: PLC0415 - only where it is used

        return opened.enter_context(HttpSource(network.url, network.pin))
    from ledger.ethereum.node import Node  # noqa: PLC0415 - only where it is used
    from ledger.ethereum.source import EthereumLog  # noqa: PLC0415 - only where it is used

    assert network.rpc is not None
    node = opened.enter_context(Node(network.rpc))
    return EthereumLog(node, network.pin, first_block=network.first_block)


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str):
        raise _invalid(f"{name} is missing, or not text", value)
    return value


def _count(table: Mapping[str, object], name: str) -> int:
    value = table.get(name)
    if type(value) is not int or value < 0:
        raise _invalid(f"{name} is missing, or not a number of 0 or more", value)
    return value


def _hash(table: Mapping[str, object], name: str) -> bytes:
    text = _text(table, name)
    if not _HASH_HEX.fullmatch(text):
        raise _invalid(f"{name} is not 64 lower-case hexadecimal digits", text)
    return bytes.fromhex(text)


def _key(table: Mapping[str, object], name: str) -> PublicKey:
    text = _text(table, name)
    try:
        return PublicKey.from_multibase(text)
    except Invalid as error:
        raise _invalid(f"{name} is not an Ed25519 Multikey: {error.message}", text) from error


def _url(
    table: Mapping[str, object], name: str, schemes: tuple[str, str] = ("http", "https")
) -> str:
    text = _text(table, name)
    if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise _invalid(f"{name} is not a URL of {' or '.join(schemes)}", text)
    return text


def _invalid(message: str, value: object = None) -> Invalid:
    return Invalid("invalid_network", message, step=_STEP, value=value, hint=_HINT)
