"""The nodes of a log on Ethereum, each by itself, and the account that pays."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from did.errors import KeybornError
from did.resolution import Finality
from keyborn.checks import Check, Verdict, attempt, failed
from keyborn.output import decimal
from ledger.ethereum.encoding import quantity
from ledger.ethereum.entries import NodeEntries
from ledger.ethereum.headers import block_by_number
from ledger.ethereum.heads import NodeProofs
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.transaction import next_nonce

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from ledger.network import Network

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_BATCH_GAS: Final = 5_300_000  # 2,000 creates in one transaction, and a little more
_ETHER: Final = 10**18


def check_nodes(network: "Network", pin: EthereumPin) -> list[Check]:
    """Every node of ``network``, asked at the same time."""
    with ThreadPoolExecutor(len(network.rpc)) as pool:
        found = pool.map(lambda url: list(_node(url, pin, network.first_block)), network.rpc)
        return [check for checks in found for check in checks] + [_opinions(network)]


def check_payer(network: "Network", account: "LocalAccount") -> Check:
    """Whether ``account`` can append, as the first node has it."""
    subject = f"payer {account.address}"

    def look() -> str | Check:
        with Node(network.rpc[0]) as node:
            balance = quantity(
                node.call("eth_getBalance", account.address, "latest"), "the balance"
            )
            price = quantity(node.call("eth_gasPrice"), "the price of gas")
            waiting = next_nonce(node, account.address, "pending") - next_nonce(
                node, account.address, "latest"
            )
        batches = balance // max(1, price * _BATCH_GAS)
        told = (
            f"owns {decimal(balance, _ETHER)} ether, enough for {batches} full batches at the "
            f"price of now; {waiting} of its transactions wait"
        )
        if batches:
            return told
        return Check(
            subject,
            Verdict.WARNING,
            told,
            "ledger_insufficient_funds",
            f"Send ether to {account.address} on this chain.",
        )

    return attempt(subject, look)


def _node(url: str, pin: EthereumPin, first_block: int) -> Iterator[Check]:
    try:
        with Node(url) as node:
            subject = f"node {node.name}"
            yield from _opened(node, subject, pin, first_block)
    except KeybornError as error:  # of its URL
        yield failed("node", error)
        return
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        yield Check(
            subject,
            Verdict.WARNING,
            "is reached without TLS: whoever is on the way can answer in its place",
            "ledger_unencrypted",
            "Use its https address.",
        )


def _opened(node: Node, subject: str, pin: EthereumPin, first_block: int) -> Iterator[Check]:
    proofs = NodeProofs(node, pin)
    chain = attempt(subject, lambda: _chain(proofs, pin))
    yield chain
    if chain.verdict is not Verdict.OK:
        return  # the rest would say the same again
    yield attempt(subject, lambda: _in_step(node, subject))
    for finality in (Finality.LATEST, Finality.FINALIZED):
        yield attempt(f"{subject} {finality}", partial(_proof, node, proofs, finality))
    yield attempt(f"{subject} entries", lambda: _entries(node, proofs, pin, first_block))


def _chain(proofs: NodeProofs, pin: EthereumPin) -> str:
    proofs.check_pin()
    return f"answers, and is on chain {pin.chain_id}"


def _in_step(node: Node, subject: str) -> str | Check:
    if node.call("eth_syncing") is False:
        return "is in step with its chain, by its own word"
    return Check(
        subject,
        Verdict.WARNING,
        "is still catching up with its chain, by its own word",
        "ledger_node_behind",
        "Wait until it is, or use another one.",
    )


def _proof(node: Node, proofs: NodeProofs, finality: Finality) -> str:
    header = block_by_number(node, finality)
    head = proofs.head(header, finality)
    return f"proves entry {head.sequence} under block {header.number}; the code is the pinned one"


def _entries(node: Node, proofs: NodeProofs, pin: EthereumPin, first_block: int) -> str:
    latest = proofs.head(block_by_number(node, Finality.LATEST), Finality.LATEST)
    if latest.sequence == 0:
        return "has nothing to give: the log is empty"
    entries = NodeEntries(node, pin, first_block=first_block)
    (first,) = entries.entries(1, 1)
    return f"gives entry 1, of block {first.block_number}, of {latest.sequence}"


def _opinions(network: "Network") -> Check:
    """Who decides what the chain is."""
    nodes, quorum = len(network.rpc), network.agreeing
    if nodes == 1:
        return Check(
            "headers",
            Verdict.WARNING,
            "what the chain is, is believed from one node alone",
            "ledger_one_node",
            "Name several nodes of different operators in rpc.",
        )
    if 2 * quorum <= nodes:
        return Check(
            "headers",
            Verdict.WARNING,
            f"{quorum} of {nodes} nodes are enough, so two groups can contradict each other",
            "ledger_weak_quorum",
            f"Set quorum to {nodes // 2 + 1} or more.",
        )
    return Check("headers", Verdict.OK, f"a block counts where {quorum} of {nodes} nodes show it")
