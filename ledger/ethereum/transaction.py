"""Transactions of the log's writers: priced, estimated and signed here, from explicit values.

Type 2 (EIP-1559). The nonce, the fees and the gas limit are the node's word: it can make a
transaction fail or cost more, up to the ceiling on its fees, but not change what it does.
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
from ledger.ethereum.fees import Fees, opening_fees, raised_fees, read_market
from ledger.ethereum.header import Header, read_header
from ledger.ethereum.node import Node, NodeError

GAS_LIMIT: Final = 2**24  # what one transaction may take since Osaka (EIP-7825)

# The first append to a log pays 17,100 more than others, and after a reorganisation any can be the
# first. Gas that is not used is not paid.
HEADROOM: Final = 20_000

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

_RETRY: Final = 12  # seconds, Ethereum's time between blocks
_TYPE: Final = 2
_HASH: Final = 32
_ADDRESS: Final = 20


@dataclass(frozen=True, slots=True)
class Mined:
    """What a node says of a transaction that stands in a block.

    Attributes:
        block: The block's header.
        succeeded: Whether it did what it was to do.
        gas: Gas used.
        gas_price: What one unit of it cost, in wei.
        logs: Its events, as JSON-RPC log objects.
        contract: The address that it deployed to, 20 bytes, if it did.
    """

    block: Header
    succeeded: bool
    gas: int
    gas_price: int
    logs: list[dict[str, object]]
    contract: bytes | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed transaction, as it says of itself.

    Attributes:
        hash: ``0x…``.
        chain_id: The chain that it is for.
        nonce: Its place among the sender's transactions.
        fees: What it offers for gas.
        gas: Its gas limit.
        to: 20 bytes; empty where it deploys.
        payload: The call data.
    """

    hash: str
    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    to: bytes
    payload: bytes

    @property
    def cost(self) -> int:
        """The most it can cost, in wei."""
        return self.gas * self.fees.cap


def read_submission(raw: bytes) -> Sent:
    """What a signed transaction says of itself. The signature is not looked at: ``sender_of``.

    Raises:
        Invalid: ``ledger_bad_submission``.
    """
    try:
        if raw[0] != _TYPE:
            raise _no_submission()
        fields_ = rlp.decode(raw[1:])
        chain_id, nonce, tip, cap, gas, to, _, payload, _, _, r, s = fields_
        if len(to) not in (0, _ADDRESS) or not len(r) <= _HASH >= len(s):
            raise _no_submission()
        return Sent(
            hash="0x" + keccak(raw).hex(),
            chain_id=int.from_bytes(chain_id, "big"),
            nonce=int.from_bytes(nonce, "big"),
            fees=Fees(cap=int.from_bytes(cap, "big"), tip=int.from_bytes(tip, "big")),
            gas=int.from_bytes(gas, "big"),
            to=to,
            payload=payload,
        )
    except _NOT_A_TRANSACTION as error:
        raise _no_submission() from error


def sender_of(raw: bytes) -> str:
    """The address, with checksum, of who signed ``raw``. It takes a while.

    Raises:
        Invalid: ``ledger_bad_submission``.
    """
    try:
        sender: str = Account.recover_transaction(raw)
    except _NOT_A_TRANSACTION as error:
        raise _no_submission() from error
    return sender


def sign(
    node: Node,
    sender: LocalAccount,
    *,
    to: bytes,
    payload: bytes,
    chain_id: int,
    nonce: int,
    ceiling: int | None = None,
) -> bytes:
    """A signed transaction that calls ``to`` with ``payload``, ready to be sent.

    ``to`` is 20 bytes; where it is empty, ``payload`` is deployed. It offers at most ``ceiling``
    wei for one unit of gas.

    Raises:
        Unavailable: ``ledger_insufficient_funds``, ``ledger_too_dear``, and the node's own.
        Invalid: ``ledger_transaction_too_large``, ``ledger_gas_limit``,
            ``ledger_malformed_answer``.
    """
    call = {"from": sender.address, "data": "0x" + payload.hex()}
    if to:
        call["to"] = "0x" + to.hex()
    fees = opening_fees(read_market(node), ceiling)
    gas = quantity(node.call("eth_estimateGas", call), "the estimate of gas") + HEADROOM
    if gas > GAS_LIMIT:
        raise Invalid(
            "ledger_gas_limit",
            f"the transaction would take {gas} gas, and one may take {GAS_LIMIT}",
            step="prepare the transaction",
            hint="Put fewer operations into one batch.",
        )
    if _funds(node, sender.address) < gas * fees.cap:
        raise _insufficient_funds(sender.address)
    raw = _signed(
        sender, chain_id=chain_id, nonce=nonce, fees=fees, gas=gas, to=to, payload=payload
    )
    if len(raw) > LIMITS.batch:
        raise Invalid(
            "ledger_transaction_too_large",
            f"the signed transaction is {len(raw)} bytes, and nodes take {LIMITS.batch}",
            step="prepare the transaction",
            hint="Put fewer operations into one batch.",
        )
    return raw


def reprice(node: Node, sender: LocalAccount, raw: bytes, *, ceiling: int | None) -> bytes | None:
    """A transaction to take the place of ``raw``: the same, of the same nonce, for higher fees.

    Of the two, one at the most gets into a block. None where a replacement would be no better off
    (``ledger.ethereum.fees``), or could not be made: another key signed ``raw``.

    Raises:
        Unavailable: ``ledger_too_dear``, and the node's own.
        Invalid: ``ledger_bad_submission``, ``ledger_malformed_answer``.
    """
    if sender_of(raw) != sender.address:
        return None
    old = read_submission(raw)
    fees = raised_fees(old.fees, read_market(node), ceiling)
    if fees is None:
        return None
    return _signed(
        sender,
        chain_id=old.chain_id,
        nonce=old.nonce,
        fees=fees,
        gas=old.gas,
        to=old.to,
        payload=old.payload,
    )


def send(node: Node, raw: bytes) -> Sent:
    """Hand a signed transaction to the node. To repeat it is harmless: it has one effect.

    Raises:
        Unavailable: ``ledger_insufficient_funds``, ``ledger_submission_refused``, the node's own;
            ``ledger_place_contested``: another transaction took its place on the chain, and that
            may still be reorganised.
        Conflict: ``ledger_nonce_taken``: another transaction took its place, and that is final, so
            this one can never land. Prepare it again.
        Invalid: ``ledger_bad_submission``, ``ledger_malformed_answer``.
    """
    sent = read_submission(raw)
    try:
        node.call("eth_sendRawTransaction", "0x" + raw.hex())
    except NodeError as refusal:
        # Nodes word their refusals as they like, so what is the matter is looked up.
        if node.call("eth_getTransactionByHash", sent.hash) is not None:
            return sent
        sender = sender_of(raw)
        if next_nonce(node, sender, "latest") > sent.nonce:
            raise _place_taken(node, sender, sent) from None
        if _funds(node, sender) < sent.cost:
            raise _insufficient_funds(sender) from None
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
        gas_price=count(given.get("effectiveGasPrice"), "the receipt's gas price"),
        logs=[
            fields(log, "a log")
            for log in items(given.get("logs"), "the receipt's logs", at_most=1)
        ],
        contract=None if contract is None else data(contract, "the receipt's contract", _ADDRESS),
    )


def next_nonce(node: Node, sender: str, block: Literal["finalized", "latest", "pending"]) -> int:
    """How many transactions of ``sender`` there are: in blocks, or with those that wait."""
    return quantity(node.call("eth_getTransactionCount", sender, block), "the nonce")


def _no_submission() -> Invalid:
    return Invalid(
        "ledger_bad_submission",
        "the submission is not a signed transaction",
        step="submit the batch",
        hint="Prepare it again.",
    )


def contested(transaction: str) -> Unavailable:
    """What keeps the transaction (``0x…``) from landing may still be reorganised."""
    return Unavailable(
        "ledger_place_contested",
        "the transaction cannot land as things are, and that is not final yet",
        step="follow the transaction",
        hint="Nothing is to be done: it is clear once the block is final. Let one writer use one "
        "key.",
        value=transaction,
        retry_after=_RETRY,
    )


def _place_taken(node: Node, sender: str, sent: Sent) -> Conflict | Unavailable:
    if next_nonce(node, sender, "finalized") <= sent.nonce:
        return contested(sent.hash)
    return Conflict(
        "ledger_nonce_taken",
        f"another transaction of {sender} took the place of this one",
        step="submit the transaction",
        hint="Prepare it again. Let one writer use one key.",
        value=sent.hash,
    )


def _signed(
    sender: LocalAccount,
    *,
    chain_id: int,
    nonce: int,
    fees: Fees,
    gas: int,
    to: bytes,
    payload: bytes,
) -> bytes:
    signed = sender.sign_transaction(
        {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "to": to,
            "value": 0,
            "data": payload,
            "gas": gas,
            "maxFeePerGas": fees.cap,
            "maxPriorityFeePerGas": fees.tip,
        }
    )
    return bytes(signed.raw_transaction)


def _funds(node: Node, sender: str) -> int:
    return quantity(node.call("eth_getBalance", sender, "latest"), "the balance")


def _insufficient_funds(sender: str) -> Unavailable:
    return Unavailable(
        "ledger_insufficient_funds",
        f"{sender} cannot pay for the transaction",
        step="pay for the transaction",
        hint=f"Send ether to {sender} on this chain.",
    )
