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
    rpc = "https://node.example"           an Ethereum node, or a list of several
    quorum = 2                             of several: how many must show the same block
    first_block = 0                        may be left out: where the search for entries begins
    ws = "wss://node.example"              may be left out: where the node tells of new blocks
    url = "https://ledger.example"         registrar and resolution

Both may have, besides::

    mirror = "https://mirror.example/log"  where entries come from; or the absolute path of a folder

``log_id``, and what belongs to it, is the pin: a reader refuses whatever contradicts it. The
addresses are no part of it; what answers there is not trusted, save that a block is the chain's
where a quorum of the nodes says so. A verifier's trust root contains the same ``[log]`` table.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tomli_w

from did.errors import Invalid, Unavailable
from keyborn.files import write_public
from keyborn.toml import parse_toml
from ledger.embedded.heads import EmbeddedPin
from ledger.log import LogSource, SourceWarning
from ledger.mirror.source import MirrorSource, open_mirror, parse_place
from ledger.network_table import (
    HINT,
    STEP,
    invalid,
    read_count,
    read_hash,
    read_key,
    read_nodes,
    read_quorum,
    read_text,
    read_url,
)

if TYPE_CHECKING:
    from ledger.ethereum.pin import EthereumPin
    from ledger.reader import LogReader

Warnings = Callable[[], tuple[SourceWarning, ...]]

_FILE_BYTES: Final = 65_536
_COMMON: Final = frozenset({"type", "log_id", "url", "mirror"})
_MEMBERS: Final = {
    "embedded": _COMMON | {"head_key"},
    "ethereum": _COMMON
    | {"chain_id", "contract", "code_hash", "rpc", "quorum", "first_block", "ws"},
}


@dataclass(frozen=True, slots=True)
class Network:
    """One log: what is pinned of it, and where it is reached.

    Attributes:
        pin: What must hold, by the kind of ledger.
        url: Of ``keyborn ledger serve``.
        rpc: Of the Ethereum nodes, each of another host or port; empty for the embedded ledger.
        quorum: How many of the nodes must show a block before it is believed; None: most of them.
        first_block: Where the search for entries begins on Ethereum: the block of the deployment.
            Lower is never wrong, but slow.
        ws: Where the node tells of new blocks, if not where ``rpc`` is, by ``ws`` or ``wss``.
        mirror: Where entries come from, if not from where heads do (``ledger.mirror.source``).
    """

    pin: "EmbeddedPin | EthereumPin"
    url: str
    rpc: tuple[str, ...] = ()
    first_block: int = 0
    quorum: int | None = None
    mirror: str | None = None
    ws: str | None = None

    @property
    def log_id(self) -> bytes:
        """The 32 bytes that name the log."""
        return self.pin.log_id

    @property
    def agreeing(self) -> int:
        """How many nodes must show a block: the quorum, or more than half of those listed."""
        return len(self.rpc) // 2 + 1 if self.quorum is None else self.quorum

    def to_table(self) -> dict[str, str | int | list[str]]:
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
        return {
            "type": "ethereum",
            "log_id": self.log_id.hex(),
            "chain_id": self.pin.chain_id,
            "contract": self.pin.contract,
            "code_hash": self.pin.code_hash.hex(),
            "rpc": self.rpc[0] if len(self.rpc) == 1 else list(self.rpc),
            **({} if self.quorum is None else {"quorum": self.quorum}),
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
            step=STEP,
            value=str(path),
            hint=f"{HINT}, and give its path with --network",
        ) from error
    if len(data) > _FILE_BYTES:
        raise invalid(f"the file is larger than {_FILE_BYTES} bytes", str(path))
    try:
        tables = parse_toml(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise invalid("the file is not TOML: it is not UTF-8", str(path)) from error
    except Invalid as error:
        raise invalid(f"the file is not TOML: {error.message}", str(path)) from error
    if set(tables) != {"log"} or not isinstance(tables["log"], dict):
        raise invalid("the file has not one table, [log]", str(path))
    return parse_network(tables["log"])


def write_network(path: Path, network: Network) -> None:
    """Put ``network`` at ``path``, readable by all, replacing what is there."""
    write_public(path, tomli_w.dumps({"log": network.to_table()}).encode())


def parse_network(table: Mapping[str, object]) -> Network:
    """The network that a ``[log]`` table names.

    Raises:
        Invalid: ``invalid_network``, ``ledger_bad_pin``, ``mirror_bad_place``.
    """
    kind = read_text(table, "type")
    if kind not in _MEMBERS:
        raise invalid("the type is neither embedded nor ethereum", kind)
    surplus = sorted(set(table) - _MEMBERS[kind])
    if surplus:
        raise invalid(f"[log] of type {kind} has no such member", surplus[0])
    log_id, url = read_hash(table, "log_id"), read_url(table, "url")
    mirror = parse_place(read_text(table, "mirror")) if "mirror" in table else None
    if kind == "embedded":
        return Network(EmbeddedPin(log_id, read_key(table, "head_key")), url, mirror=mirror)
    from ledger.ethereum.pin import EthereumPin  # noqa: PLC0415 - only where it is used

    counts = {"first_block": 0, **table}
    pin = EthereumPin(
        chain_id=read_count(counts, "chain_id"),
        contract=read_text(table, "contract"),
        code_hash=read_hash(table, "code_hash"),
        log_id=log_id,
    )
    rpc = read_nodes(table)
    return Network(
        pin,
        url,
        rpc,
        read_count(counts, "first_block"),
        read_quorum(table, len(rpc)),
        mirror,
        read_url(table, "ws", ("ws", "wss")) if "ws" in table else None,
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


def open_reader(network: Network, index: Path | None = None) -> "LogReader":
    """A reader of the log; close it, or use it as a context manager.

    Args:
        network: The log.
        index: Where to keep what was read; None for a temporary place, which goes with the reader.

    Raises:
        Invalid: ``invalid_url``, ``ledger_bad_url``.
        KeybornError: As ``Index.open``.
    """
    with ExitStack() as opened:
        source, warnings = _open_log(network, opened)
        return _reader(source, index, opened, warnings)


def open_reader_at(network: Network, block_hash: bytes) -> "LogReader":
    """A reader of a log on Ethereum as of one block, with a temporary index.

    The block counts as final, and nobody else is believed. An index that is kept would take it for
    what the chain finalised, and could never go back behind it: so this one goes with the reader.

    Args:
        network: The log.
        block_hash: Of the block, 32 bytes.

    Raises:
        Invalid: ``not_ethereum``, ``ledger_bad_url``, ``mirror_bad_place``.
    """
    if isinstance(network.pin, EmbeddedPin):
        raise Invalid(
            "not_ethereum",
            "the network is of an embedded ledger, which has no blocks with a hash",
            step=STEP,
            hint="leave the block hash out",
        )
    with ExitStack() as opened:
        source, warnings = _open_log(network, opened, block_hash)
        return _reader(source, None, opened, warnings)


def open_source(network: Network, opened: ExitStack) -> LogSource:
    """What brings the log; ``opened`` closes it.

    Raises:
        Invalid: ``invalid_url``, ``ledger_bad_url``, ``mirror_bad_place``.
    """
    source, _ = _open_log(network, opened)
    return source


def _open_log(
    network: Network, opened: ExitStack, block_hash: bytes | None = None
) -> tuple[LogSource, Warnings]:
    """What brings the log, from its mirror where it has one; and what was wrong with whom."""
    source: LogSource
    warnings: Warnings = tuple
    if isinstance(network.pin, EmbeddedPin):
        from ledger.embedded.source import HttpSource  # noqa: PLC0415 - only where it is used

        source = opened.enter_context(HttpSource(network.url, network.pin))
    else:
        from ledger.ethereum.opening import open_log  # noqa: PLC0415 - only where it is used

        log = open_log(
            network.rpc,
            network.pin,
            opened,
            quorum=network.agreeing,
            first_block=network.first_block,
            block_hash=block_hash,
        )
        source, warnings = log.log, log.warnings
    if network.mirror is not None:
        source = MirrorSource(source, open_mirror(network.mirror, network.log_id, opened))
    return source, warnings


def _reader(
    source: LogSource, index: Path | None, opened: ExitStack, warnings: Warnings
) -> "LogReader":
    # Only where it is used: they bring the database, which takes longer to load than all the rest.
    from ledger.index import Index  # noqa: PLC0415
    from ledger.reader import LogReader  # noqa: PLC0415

    log_id = source.log_id
    kept = Index.temporary(log_id) if index is None else Index.open(index, log_id)
    return LogReader(source, kept, on_close=opened.pop_all().close, warnings=warnings)
