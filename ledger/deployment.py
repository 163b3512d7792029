"""``keyborn ledger deploy``: a log of one's own on any chain.

A deployment costs money and makes the name of a log, so neither may be lost on the way: the signed
transaction is in a file beside the network file before it is sent, and whoever starts again goes on
with that one.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from did.errors import Conflict
from keyborn.client import connect
from keyborn.files import create_private, locked, read_private
from ledger.ethereum.deploy import DEADLINE, Deployment, chain_id_of, land, prepare
from ledger.ethereum.node import Node
from ledger.ethereum.transaction import read_submission, sender_of
from ledger.network import Network, write_network

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_TRANSACTION_BYTES = 131_072


def run_deploy(
    node: Node,
    sender: "LocalAccount",
    *,
    network: Path,
    rpc: str,
    service_url: str,
    ceiling: int | None = None,
    deadline: float = DEADLINE,
) -> Deployment:
    """Deploy a log and write its network file; after an interruption, finish that one deployment.

    Args:
        node: The node to ask and to send to.
        sender: Who signs and pays.
        network: Where the network file goes; beside it, while the transaction is on its way,
            ``<name>.transaction`` and ``<name>.lock``.
        rpc: The node's URL, for readers.
        service_url: Where a registrar is going to be, for readers.
        ceiling: What is paid for one unit of gas at the most, in wei; None: whatever it costs.
        deadline: Seconds after which waiting for a block ends.

    Raises:
        Conflict: ``network_exists``, ``store_in_use``, ``deployment_of_another_key``,
            ``deployment_on_another_chain``; what
            ``ledger.ethereum.deploy.land`` says of a transaction that can never land.
        Invalid: ``invalid_url``.
        KeybornError: As ``ledger.ethereum.deploy.prepare`` and ``land``.
    """
    connect(service_url).close()  # what readers would refuse is found out before it costs anything
    pending = network.with_name(f"{network.name}.transaction")
    lock = network.with_name(f"{network.name}.lock")
    _refuse_existing(network)  # before anything is left beside it
    with locked(lock):
        _refuse_existing(network)
        if not pending.exists():
            create_private(pending, prepare(node, sender, ceiling=ceiling))
        raw = _pending(pending, node, sender)
        try:
            made = land(node, raw, deadline=deadline)
        except Conflict:  # it can never land, so the next attempt is to prepare another
            pending.unlink()
            raise
        write_network(network, Network(made.pin, service_url, (rpc,), made.block_number))
        pending.unlink()
        lock.unlink()  # while it is held: whoever waits for it finds the network file
    return made


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise Conflict(
            "network_exists",
            "there is a network file already, and it is all that pins its log",
            step="deploy the contract",
            value=str(path),
            hint="name another file, or move this one away",
        )


def _pending(path: Path, node: Node, sender: "LocalAccount") -> bytes:
    """The transaction that an earlier attempt left."""
    raw = read_private(path, _TRANSACTION_BYTES)
    signed_by = sender_of(raw)
    if signed_by != sender.address:
        raise Conflict(
            "deployment_of_another_key",
            f"a deployment by {signed_by} was begun here, and is not finished",
            step="deploy the contract",
            value=str(path),
            hint="give that key, or remove the file if that deployment is given up",
        )
    begun, shown = read_submission(raw).chain_id, chain_id_of(node)
    if begun != shown:  # there it may have landed; what this chain says of it means nothing
        raise Conflict(
            "deployment_on_another_chain",
            f"a deployment on chain {begun} was begun here, and the node is on chain {shown}",
            step="deploy the contract",
            value=str(path),
            hint="name a node of that chain, or another network file",
        )
    return raw
