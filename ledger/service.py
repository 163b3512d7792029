"""What ``keyborn ledger serve`` is made of, for each kind of ledger."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from did.errors import Invalid
from keyborn.files import locked, private_directory, sweep
from ledger.app import create_app
from ledger.embedded.heads import EmbeddedPin
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.log import Ledger, LogSource
from ledger.network import Network
from ledger.reader import LogReader
from ledger.registrar.dispatch import Batching
from ledger.registrar.outbox import Outbox
from ledger.registrar.registrar import Registrar
from ledger.resolving.web import WebResolver

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


@dataclass(frozen=True, slots=True)
class Service:
    """A ledger service, ready to be served.

    Attributes:
        app: The application.
        network: What it is the ledger of; its URL is where the service is said to be.
    """

    app: FastAPI
    network: Network


@contextmanager
def embedded_service(
    directory: Path,
    *,
    batching: Batching,
    finality_depth: int,
    block_seconds: float,
    web: WebResolver | None = None,
    store: str | None = None,
) -> Iterator[Service]:
    """The service of the embedded ledger in ``directory``, both made if they are missing.

    Args:
        directory: Private; ``log/`` is the ledger itself.
        batching: When the registrar sends a batch.
        finality_depth: How many blocks make an entry final; 0: it is so at once.
        block_seconds: With a depth, how often an empty block is made while something is not final.
        web: For did:web, if that is to be resolved.
        store: The path or URL of the outbox; a file in the directory, if None.

    Raises:
        Conflict: ``store_in_use``: another service works in this directory.
        KeybornError: As ``EmbeddedLedger``.
    """
    with ExitStack() as stack:
        stack.enter_context(locked(private_directory(directory) / "lock"))
        for folder in (directory, directory / "log"):
            sweep(folder)
        ledger = stack.enter_context(EmbeddedLedger(directory / "log", final_depth=finality_depth))
        if finality_depth:
            stack.enter_context(_blocks(ledger, block_seconds))
        reader, registrar = _registrar(stack, directory, ledger, batching, store=store)
        yield Service(
            create_app(registrar=registrar, resolver=reader, embedded=ledger, web=web),
            Network(ledger.pin, ""),
        )


@contextmanager
def ethereum_service(
    directory: Path,
    *,
    network: Network,
    sender: "LocalAccount",
    ceiling: int | None,
    batching: Batching,
    web: WebResolver | None = None,
    store: str | None = None,
) -> Iterator[Service]:
    """The service of a log on Ethereum; its registrar pays for what it appends.

    It reads as every reader does, from all nodes of the network; it writes to the first of them.

    Args:
        directory: Private, made if it is missing: the outbox and the index.
        network: The log.
        sender: The account that pays.
        ceiling: What it pays for one unit of gas at the most, in wei; None: whatever it costs.
        batching: When the registrar sends a batch.
        web: For did:web, if that is to be resolved.
        store: The path or URL of the outbox; a file in the directory, if None.

    Raises:
        Invalid: ``not_ethereum``.
        Conflict: ``store_in_use``.
    """
    from ledger.ethereum.ledger import EthereumLedger  # noqa: PLC0415 - only where it is used
    from ledger.ethereum.node import Node  # noqa: PLC0415
    from ledger.ethereum.opening import open_log  # noqa: PLC0415

    if isinstance(network.pin, EmbeddedPin):
        raise Invalid(
            "not_ethereum",
            "the network is of an embedded ledger, which has one service, that with its log",
            hint="leave --network and --key-file out to serve a ledger of your own",
        )
    with ExitStack() as stack:
        stack.enter_context(locked(private_directory(directory) / "lock"))
        sweep(directory)
        node = stack.enter_context(Node(network.rpc[0]))
        ledger = EthereumLedger(
            node,
            network.pin,
            sender=sender,
            first_block=network.first_block,
            ceiling=ceiling,
        )
        read = open_log(
            network.rpc,
            network.pin,
            stack,
            quorum=network.agreeing,
            first_block=network.first_block,
        )
        reader, registrar = _registrar(
            stack, directory, ledger, batching, store=store, source=read.log
        )
        yield Service(create_app(registrar=registrar, resolver=reader, web=web), network)


def _registrar(
    stack: ExitStack,
    directory: Path,
    ledger: Ledger,
    batching: Batching,
    *,
    store: str | None,
    source: LogSource | None = None,
) -> tuple[LogReader, Registrar]:
    """``source``: what is read, if it is not the ledger as its writer sees it."""
    index = Index.open(directory / "index.sqlite", ledger.log_id)
    reader = stack.enter_context(LogReader(source or ledger, index))
    outbox = Outbox.open(store or directory / "outbox.sqlite")
    stack.callback(outbox.close)
    registrar = Registrar(
        ledger=ledger, reader=reader, index=index, outbox=outbox, batching=batching
    )
    return reader, registrar


@contextmanager
def _blocks(ledger: EmbeddedLedger, seconds: float) -> Iterator[None]:
    """Make empty blocks while something on the ledger is not final."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.wait(seconds):
            heads = ledger.heads()
            if heads.finalized.sequence < heads.latest.sequence:
                ledger.mine()

    thread = threading.Thread(target=run, name="blocks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
