"""Transactions of the log's writers: priced, estimated and signed here, from explicit values.

Type 2 (EIP-1559). The nonce, the fees and the gas limit are the node's word: it can make a
transaction fail or cost more, up to what the sender owns, but not change what it does.
"""

from dataclasses import dataclass
from typing import Final, Literal

import rlp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from did.errors import Conflict, Invalid, Unavailable
from did.limits import LIMITS
from ledger.ethereum.encoding import count, data, fields, items, quantity
from ledger.ethereum.header import Header, read_header
from ledger.ethereum.node import Node, NodeError

GAS_LIMIT: Final = 2**24  # what one transaction may take since Osaka (EIP-7825)

# The first append to a log pays 17,100 more than others, and after a reorganisation any can be the
# first. Gas that is not used is not paid.
_HEADROOM: Final = 20_000

# What eth-account, and the libraries under it, say of bytes that are no signed transaction.
_NOT_A_TRANSACTION: Final = (
    BadSignature,
    ValidationError,
    rlp.RLPException,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)

_HASH: Final = 32
_ADDRESS: Final = 20


@dataclass(frozen=True, slots=True)
class Mined:
    """What a node says of a transaction that stands in a block.

    Attributes:
        block: The block's header.
        succeeded: Whether it did what it was to do.
        gas: Gas used.
        logs: Its events, as JSON-RPC log objects.
        contract: The address that it deployed to, 20 bytes, if it did.
    """

    block: Header
    succeeded: bool
    gas: int
    logs: list[dict[str, object]]
    contract: bytes | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed transaction: its hash (``0x…``), sender, nonce, and the most it can cost in wei."""

    hash: str
    sender: str
    nonce: int
    cost: int


def read_submission(raw: bytes) -> Sent:
    """What a signed transaction says of itself.

    Raises:
        Invalid: ``ledger_bad_submission``.
    """
    try:
        sender = Account.recover_transaction(raw)
        _, nonce, _, fee, gas, *_ = rlp.decode(raw[1:])
    except _NOT_A_TRANSACTION as error:
        raise Invalid(
            "ledger_bad_submission",
            "the submission is not a signed transaction",
            step="submit the batch",
            hint="Prepare it again.",
        ) from error
    return Sent(
        hash="0x" + keccak(raw).hex(),
        sender=sender,
        nonce=int.from_bytes(nonce, "big"),
        cost=int.from_bytes(gas, "big") * int.from_bytes(fee, "big"),
    )


def sign(
    node: Node,
    sender: LocalAccount,
    *,
    to: bytes,
    payload: bytes,
    chain_id: int,
    nonce: int,
) -> bytes:
    """A signed transaction that calls ``to`` with ``payload``, ready to be sent.

    ``to`` is 20 bytes; where it is empty, ``payload`` is deployed.

    Raises:
        Unavailable: ``ledger_insufficient_funds``, and the node's own.
        Invalid: ``ledger_transaction_too_large``, ``ledger_gas_limit``,
            ``ledger_malformed_answer``.
    """
    call = {"from": sender.address, "data": "0x" + payload.hex()}
    if to:
        call["to"] = "0x" + to.hex()
    latest = fields(node.call("eth_getBlockByNumber", "latest", False), "the block")
    base_fee = quantity(latest.get("baseFeePerGas"), "the base fee")
    tip = quantity(node.call("eth_maxPriorityFeePerGas"), "the priority fee")
    gas = quantity(node.call("eth_estimateGas", call), "the estimate of gas") + _HEADROOM
    fee = 2 * base_fee + tip  # holds for six full blocks in a row
    if gas > GAS_LIMIT:
        raise Invalid(
            "ledger_gas_limit",
            f"the transaction would take {gas} gas, and one may take {GAS_LIMIT}",
            step="prepare the transaction",
            hint="Put fewer operations into one batch.",
        )
    if _funds(node, sender.address) < gas * fee:
        raise _insufficient_funds(sender.address)
    signed = sender.sign_transaction(
        {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "to": to,
            "value": 0,
            "data": payload,
            "gas": gas,
            "maxFeePerGas": fee,
            "maxPriorityFeePerGas": tip,
        }
    )
    raw = bytes(signed.raw_transaction)
    if len(raw) > LIMITS.batch:
        raise Invalid(
            "ledger_transaction_too_large",
            f"the signed transaction is {len(raw)} bytes, and nodes take {LIMITS.batch}",
            step="prepare the transaction",
            hint="Put fewer operations into one batch.",
        )
    return raw


def send(node: Node, raw: bytes) -> Sent:
    """Hand a signed transaction to the node. To repeat it is harmless: it has one effect.

    Raises:
        Unavailable: ``ledger_insufficient_funds``, ``ledger_submission_refused``, the node's own.
        Conflict: ``ledger_nonce_taken``: another transaction took its place on the chain, so this
            one can never land. Prepare it again.
        Invalid: ``ledger_bad_submission``, ``ledger_malformed_answer``.
    """
    sent = read_submission(raw)
    try:
        node.call("eth_sendRawTransaction", "0x" + raw.hex())
    except NodeError as refusal:
        # Nodes word their refusals as they like, so what is the matter is looked up.
        if node.call("eth_getTransactionByHash", sent.hash) is not None:
            return sent
        if next_nonce(node, sent.sender, "latest") > sent.nonce:
            raise Conflict(
                "ledger_nonce_taken",
                f"another transaction of {sent.sender} took the place of this one",
                step="submit the transaction",
                hint="Prepare it again. Let one writer use one key.",
                value=sent.hash,
            ) from None
        if _funds(node, sent.sender) < sent.cost:
            raise _insufficient_funds(sent.sender) from None
        raise Unavailable(
            "ledger_submission_refused",
            "the Ethereum node refused the transaction",
            step="submit the transaction",
            hint="Repeat it; if it stays, ask another node.",
            value=refusal.reason,
        ) from None
    return sent


def read_receipt(node: Node, transaction: str) -> Mined | None:
    """Where the transaction with this hash (``0x…``) stands; ``None`` if in no block, or no longer.

    Raises:
        Unavailable: the node's own.
        Invalid: ``ledger_malformed_answer``, ``ledger_forged_header``.
    """
    answer = node.call("eth_getTransactionReceipt", transaction)
    if answer is None:
        return None
    given = fields(answer, "the receipt")
    block_hash = data(given.get("blockHash"), "the receipt's block", _HASH)
    block = node.call("eth_getBlockByHash", "0x" + block_hash.hex(), False)
    if block is None:  # reorganised away between the two calls
        return None
    contract = given.get("contractAddress")
    return Mined(
        block=read_header(block),
        succeeded=quantity(given.get("status"), "the receipt's status") == 1,
        gas=count(given.get("gasUsed"), "the receipt's gas"),
        logs=[
            fields(log, "a log")
            for log in items(given.get("logs"), "the receipt's logs", at_most=1)
        ],
        contract=None if contract is None else data(contract, "the receipt's contract", _ADDRESS),
    )


def next_nonce(node: Node, sender: str, block: Literal["latest", "pending"]) -> int:
    """How many transactions of ``sender`` there are: in blocks, or with those that wait."""
    return quantity(node.call("eth_getTransactionCount", sender, block), "the nonce")


def _funds(node: Node, sender: str) -> int:
    return quantity(node.call("eth_getBalance", sender, "latest"), "the balance")


def _insufficient_funds(sender: str) -> Unavailable:
    return Unavailable(
        "ledger_insufficient_funds",
        f"{sender} cannot pay for the transaction",
        step="pay for the transaction",
        hint=f"Send ether to {sender} on this chain.",
    )
