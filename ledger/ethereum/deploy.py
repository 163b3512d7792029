"""Putting a new log on a chain."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from did.errors import Conflict, Invalid, Unavailable
from ledger.ethereum.contract import LOG_ID_CALL, compiled
from ledger.ethereum.encoding import data, quantity
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.ethereum.transaction import next_nonce, read_receipt, send, sign

DEADLINE: Final = 300.0

_BETWEEN_LOOKS: Final = 0.5
_WORD: Final = 32


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


def deploy(
    node: Node,
    sender: LocalAccount,
    *,
    pause: Callable[[], object] = lambda: time.sleep(_BETWEEN_LOOKS),
    deadline: float = DEADLINE,
) -> Deployment:
    """Deploy ``DidLog``, paid for by ``sender``, and wait until it stands in a block.

    What was deployed is compared with the packaged contract, and the log id with its definition:
    ``keccak256(abi.encode(chainid, address, blockhash(block.number - 1)))``.

    Args:
        node: The node to ask.
        sender: The key that signs and pays; it gets no rights.
        pause: What to do between two looks for the receipt, there being nothing to wait on over
            HTTP. On a devnet: mine a block.
        deadline: Seconds after which waiting ends.

    Raises:
        Unavailable: ``ledger_insufficient_funds``, ``ledger_submission_refused``, the node's own;
            ``ledger_deployment_pending`` at the deadline.
        Conflict: ``ledger_nonce_taken``, ``ledger_transaction_failed``.
        Invalid: ``ledger_wrong_code`` where the node's word does not fit what was deployed;
            ``ledger_gas_limit``, ``ledger_malformed_answer``, ``ledger_forged_header``.
    """
    contract = compiled()
    chain_id = quantity(node.call("eth_chainId"), "the chain id")
    nonce = next_nonce(node, sender.address, "pending")
    raw = sign(node, sender, to=b"", payload=contract.bytecode, chain_id=chain_id, nonce=nonce)
    transaction = send(node, raw).hash
    end = time.monotonic() + deadline
    while (mined := read_receipt(node, transaction)) is None:
        if time.monotonic() > end:
            raise Unavailable(
                "ledger_deployment_pending",
                f"the deployment is in no block after {deadline:g} s",
                step="deploy the contract",
                hint="Look for the transaction; it may still land.",
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
