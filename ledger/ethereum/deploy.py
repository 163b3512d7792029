"""Putting a new log on a chain: what it would cost, and doing it.

As every writing to a ledger it has three steps (docs/adr/0002-prepare-submit-receipt.md): *prepare*
signs the transaction and changes nothing; its bytes are kept by the caller; *land* may be repeated
with them at will, with one effect.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import rlp
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from did.errors import Conflict, Invalid, Unavailable
from ledger.ethereum.contract import LOG_ID_CALL, compiled
from ledger.ethereum.encoding import data, fields, minimal, quantity
from ledger.ethereum.fees import Market, opening_fees
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.ethereum.transaction import HEADROOM, next_nonce, read_receipt, send, sign

DEADLINE: Final = 300.0

_BETWEEN_LOOKS: Final = 0.5
_WORD: Final = 32
_ADDRESS: Final = 20


@dataclass(frozen=True, slots=True)
class Deployment:
    """A new log.

    Attributes:
        pin: What its readers hold fixed.
        block_number: The block that holds the contract: where a search for entries starts.
        transaction: Hash of the deploying transaction, ``0x…``.
        gas: What it took.
    """

    pin: EthereumPin
    block_number: int
    transaction: str
    gas: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a deployment would cost now. All amounts are in wei.

    Attributes:
        chain_id: EIP-155 chain id.
        sender: Address of who would pay.
        contract: The address that the log would have.
        gas: What it would take, by the node's estimate.
        base_fee: Of the newest block, for one gas.
        tip: What the node suggests as priority fee, for one gas.
        balance: What the sender owns.
    """

    chain_id: int
    sender: str
    contract: str
    gas: int
    base_fee: int
    tip: int
    balance: int

    @property
    def price(self) -> int:
        """Of one gas, now."""
        return self.base_fee + self.tip

    @property
    def cost(self) -> int:
        """At the fees of now."""
        return self.gas * self.price

    def missing(self, ceiling: int | None) -> int:
        """What the sender lacks to deploy now: nodes want what it could cost at the most."""
        most = opening_fees(
            Market(self.base_fee, self.tip), max(ceiling, self.price) if ceiling else None
        )
        return max(0, (self.gas + HEADROOM) * most.cap - self.balance)


def quote(node: Node, sender: str) -> Quote:
    """What it would cost ``sender`` (``0x…``) to deploy now; nothing is signed or sent.

    Raises:
        Unavailable: ``ledger_unreachable``, ``ledger_node_error``.
        Invalid: ``ledger_malformed_answer``.
    """
    call = {"from": sender, "data": "0x" + compiled().bytecode.hex()}
    latest = fields(node.call("eth_getBlockByNumber", "latest", False), "the block")
    nonce = next_nonce(node, sender, "pending")
    made = keccak(rlp.encode([bytes.fromhex(sender[2:]), minimal(nonce)]))
    return Quote(
        chain_id=chain_id_of(node),
        sender=sender,
        contract=checksum(made[-_ADDRESS:]),
        gas=quantity(node.call("eth_estimateGas", call), "the estimate of gas"),
        base_fee=quantity(latest.get("baseFeePerGas"), "the base fee"),
        tip=quantity(node.call("eth_maxPriorityFeePerGas"), "the priority fee"),
        balance=quantity(node.call("eth_getBalance", sender, "latest"), "the balance"),
    )


def chain_id_of(node: Node) -> int:
    """The chain that the node says it is on."""
    return quantity(node.call("eth_chainId"), "the chain id")


def deploy(
    node: Node,
    sender: LocalAccount,
    *,
    pause: Callable[[], object] = lambda: time.sleep(_BETWEEN_LOOKS),
    deadline: float = DEADLINE,
) -> Deployment:
    """``prepare`` and ``land`` in one, for who can start anew if interrupted: a devnet, a test.

    Raises:
        KeybornError: As those.
    """
    return land(node, prepare(node, sender), pause=pause, deadline=deadline)


def prepare(node: Node, sender: LocalAccount, *, ceiling: int | None = None) -> bytes:
    """The signed transaction that deploys ``DidLog``, paid for by ``sender``, who gets no rights.

    It offers at most ``ceiling`` wei for one unit of gas.

    Raises:
        Unavailable: ``ledger_insufficient_funds``, ``ledger_too_dear``, the node's own.
        Invalid: ``ledger_gas_limit``, ``ledger_malformed_answer``.
    """
    return sign(
        node,
        sender,
        to=b"",
        payload=compiled().bytecode,
        chain_id=chain_id_of(node),
        nonce=next_nonce(node, sender.address, "pending"),
        ceiling=ceiling,
    )


def land(
    node: Node,
    raw: bytes,
    *,
    pause: Callable[[], object] = lambda: time.sleep(_BETWEEN_LOOKS),
    deadline: float = DEADLINE,
) -> Deployment:
    """Send what ``prepare`` made, unless it is sent, and wait until it stands in a block.

    What was deployed is compared with the packaged contract, and the log id with its definition:
    ``keccak256(abi.encode(chainid, address, blockhash(block.number - 1)))``.

    Args:
        node: The node to ask.
        raw: The signed transaction.
        pause: What to do between two looks for the receipt, there being nothing to wait on over
            HTTP. On a devnet: mine a block.
        deadline: Seconds after which waiting ends.

    Raises:
        Unavailable: ``ledger_insufficient_funds``, ``ledger_submission_refused``, the node's own;
            ``ledger_deployment_pending`` at the deadline.
        Conflict: ``ledger_nonce_taken``, ``ledger_transaction_failed``: it can never land; prepare
            another.
        Invalid: ``ledger_wrong_code`` where the node's word does not fit what was deployed;
            ``ledger_bad_submission``, ``ledger_malformed_answer``, ``ledger_forged_header``.
    """
    contract = compiled()
    chain_id = chain_id_of(node)
    transaction = send(node, raw).hash
    end = time.monotonic() + deadline
    while (mined := read_receipt(node, transaction)) is None:
        if time.monotonic() > end:
            raise Unavailable(
                "ledger_deployment_pending",
                f"the deployment is in no block after {deadline:g} s",
                step="deploy the contract",
                hint="Do the same again: it waits for this transaction, and sends no other.",
                value=transaction,
            )
        pause()
    if not mined.succeeded or mined.contract is None:
        raise Conflict(
            "ledger_transaction_failed",
            "the deployment is in a block, but failed there",
            step="deploy the contract",
            hint="The chain may lack what the contract needs: Cancun or later.",
            value=transaction,
        )
    address = checksum(mined.contract)
    log_id = keccak(
        chain_id.to_bytes(_WORD, "big") + mined.contract.rjust(_WORD, b"\0") + mined.block.parent
    )
    pin = EthereumPin(
        chain_id=chain_id,
        contract=address,
        code_hash=contract.code_hash(log_id),
        log_id=log_id,
    )
    call = {"to": address, "data": "0x" + LOG_ID_CALL.hex()}
    answers = (
        data(node.call("eth_call", call, "latest"), "the log id"),
        keccak(data(node.call("eth_getCode", address, "latest"), "the code")),
    )
    if answers != (pin.log_id, pin.code_hash):
        raise Invalid(
            "ledger_wrong_code",
            "what was deployed is not the packaged contract",
            step="check the deployment",
            hint="Ask another node; this one is faulty, or lies.",
            value=address,
        )
    return Deployment(
        pin=pin,
        block_number=mined.block.number,
        transaction=transaction,
        gas=mined.gas,
    )
