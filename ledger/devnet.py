"""``keyborn ledger devnet``: an Ethereum node of one's own, with a log on it."""

import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from eth_account.signers.local import LocalAccount

from did.errors import Conflict, Invalid, Unavailable
from keyborn.files import create_private, locked, private_directory, refuse_special, write_public
from ledger.account import read_account
from ledger.ethereum.anvil import AnvilNode, running_anvil
from ledger.ethereum.deploy import deploy
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.source import EthereumLog
from ledger.network import Network, load_network, write_network

_LOOK_SECONDS: Final = 5.0  # between two looks whether the node still runs


def run_devnet(
    directory: Path,
    *,
    port: int,
    anvil: Path | None,
    ready_file: Path | None,
    service_url: str,
) -> None:
    """Run a devnet until SIGINT or SIGTERM; then the node is gone, and its chain kept.

    Args:
        directory: Private, made if it is missing: ``network.toml``, ``key``, ``chain.json``.
        port: Of the node, on the loopback interface; 0 is one that is free.
        anvil: The binary, if it is not to be looked for.
        ready_file: Gets the node's URL when all is there; absent at any other time.
        service_url: Where a ledger service is going to be, for ``network.toml``.

    Raises:
        Conflict: ``store_in_use``.
        Unavailable: ``anvil_missing``, ``anvil_failed``, or the node ended by itself.
    """
    if ready_file is not None:
        refuse_special(ready_file)
        ready_file.unlink(missing_ok=True)
    with (
        locked(private_directory(directory) / "lock"),
        _stop_signals() as stopping,
        running_anvil(path=anvil, port=port, state=directory / "chain.json") as chain,
    ):
        account = _account(directory / "key")
        network = _network(directory, chain, account, service_url)
        write_network(directory / "network.toml", network)
        click.echo(_next_commands(directory, chain.url), err=True)
        try:
            if ready_file is not None:
                write_public(ready_file, f"{chain.url}\n".encode())
            while not stopping.wait(_LOOK_SECONDS):
                chain.node.call("eth_blockNumber")
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)


def _network(directory: Path, chain: AnvilNode, account: LocalAccount, service_url: str) -> Network:
    """The log that the chain has from an earlier run, or a new one."""
    try:
        known = load_network(directory / "network.toml")
    except Unavailable:
        known = None
    if known is not None and isinstance(known.pin, EthereumPin):
        try:
            EthereumLog(chain.node, known.pin).heads()
        except Invalid:
            click.echo("the chain of the last run was not kept: a new log is made", err=True)
        else:
            return replace(known, rpc=(chain.url,))
    chain.fund(account.address)
    made = deploy(chain.node, account, pause=chain.mine)
    return Network(made.pin, service_url, rpc=(chain.url,), first_block=made.block_number)


def _account(path: Path) -> LocalAccount:
    with suppress(Conflict):  # it is there from an earlier run
        create_private(path, f"0x{secrets.token_hex(32)}\n".encode("ascii"))
    return read_account(path)


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    stopping = threading.Event()

    def stop(*_: object) -> None:
        stopping.set()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, stop) for each in signals]
    try:
        yield stopping
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def _next_commands(directory: Path, url: str) -> str:
    return f"""Ethereum devnet at {url}; its files are in {directory}.
Next, in another shell:
  keyborn ledger serve --dir ledger --network {directory}/network.toml --key-file {directory}/key"""
