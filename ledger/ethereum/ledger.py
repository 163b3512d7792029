"""Writing the log: batches as transactions to ``DidLog``."""

from eth_account.signers.local import LocalAccount
from web3 import Web3

from did.errors import Conflict, Invalid
from did.limits import LIMITS
from ledger.ethereum.contract import compiled
from ledger.ethereum.encoding import fields, malformed, quantity
from ledger.ethereum.entries import BLOCKS_PER_QUERY, read_event
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.source import EthereumLog
from ledger.ethereum.transaction import (
    contested,
    next_nonce,
    read_receipt,
    read_submission,
    reprice,
    send,
    sender_of,
    sign,
)
from ledger.log import Receipt


class EthereumLedger(EthereumLog):
    """The log behind a pin, with a key that pays for appending. Implements ``ledger.log.Ledger``.

    Args:
        node: The node to ask, and to send transactions to.
        pin: What must hold.
        sender: The key that signs and pays. One writer at a time may use it.
        first_block: As for ``EthereumLog``.
        blocks_per_query: As for ``EthereumLog``.
        ceiling: What it pays for one unit of gas at the most, in wei; while the chain is dearer,
            nothing is prepared.
    """

    def __init__(
        self,
        node: Node,
        pin: EthereumPin,
        *,
        sender: LocalAccount,
        first_block: int = 0,
        blocks_per_query: int = BLOCKS_PER_QUERY,
        ceiling: int | None = None,
    ) -> None:
        super().__init__(node, pin, first_block=first_block, blocks_per_query=blocks_per_query)
        self._node = node
        self._sender = sender
        self._ceiling = ceiling
        # It encodes calls; it is given no node to ask.
        self._contract = Web3().eth.contract(abi=compiled().abi)

    def prepare(self, batch: bytes, *, after: bytes | None = None) -> bytes:
        """A signed transaction that appends ``batch``, of at most 131,072 bytes itself.

        Its nonce is the next one after all that the node has of this sender, waiting ones included,
        and after that of ``after``, which the node may have forgotten: in a restart, or a
        reorganisation.

        Raises:
            Invalid: ``ledger_transaction_too_large``, ``ledger_gas_limit``, and as for ``heads``.
            Unavailable: ``ledger_insufficient_funds``, ``ledger_too_dear``, ``ledger_unreachable``,
                ``ledger_node_error``.
        """
        if len(batch) > LIMITS.batch:
            raise Invalid(
                "ledger_transaction_too_large",
                f"the batch is {len(batch)} bytes, and nodes take transactions of {LIMITS.batch}",
                step="prepare the transaction",
                hint="Put fewer operations into one batch.",
            )
        self._heads.check_pin()
        nonce = next_nonce(self._node, self._sender.address, "pending")
        if after is not None and sender_of(after) == self._sender.address:
            nonce = max(nonce, read_submission(after).nonce + 1)
        return sign(
            self._node,
            self._sender,
            to=self._pin.address,
            payload=bytes.fromhex(self._contract.encode_abi("append", [batch])[2:]),
            chain_id=self._pin.chain_id,
            nonce=nonce,
            ceiling=self._ceiling,
        )

    def replace(self, submission: bytes) -> bytes | None:
        """The same transaction, at the same place, for higher fees, up to the ceiling.

        None where it would be no better off, or another key than this one signed it.

        Raises:
            Unavailable: ``ledger_too_dear``, ``ledger_unreachable``, ``ledger_node_error``.
            Invalid: ``ledger_bad_submission``, ``ledger_malformed_answer``.
        """
        return reprice(self._node, self._sender, submission, ceiling=self._ceiling)

    def submit(self, submission: bytes) -> None:
        """Send it, unless the node has it already. May be repeated at will.

        Raises:
            Unavailable: ``ledger_insufficient_funds``, ``ledger_submission_refused``,
                ``ledger_place_contested``, ``ledger_unreachable``, ``ledger_node_error``.
            Conflict: ``ledger_nonce_taken``: a transaction has its place for good. If that is not
                what replaced it, or what it replaced, prepare its batch again.
            Invalid: ``ledger_bad_submission``, ``ledger_malformed_answer``.
        """
        send(self._node, submission)

    def receipt(self, submission: bytes) -> Receipt | None:
        """Where it stands now, by the node's word; the reader's replay is what proves it.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``;
                ``ledger_place_contested``: it is in a block and did nothing, which may still be
                reorganised.
            Conflict: ``ledger_transaction_failed``: it did nothing in a block that is final;
                prepare its batch again.
            Invalid: ``ledger_bad_submission``, ``ledger_malformed_answer``.
        """
        transaction = read_submission(submission).hash
        mined = read_receipt(self._node, transaction)
        if mined is None:
            return None
        if not mined.succeeded:
            final = fields(self._node.call("eth_getBlockByNumber", "finalized", False), "the block")
            if mined.block.number > quantity(final.get("number"), "the block's number"):
                raise contested(transaction)
            raise Conflict(
                "ledger_transaction_failed",
                "the transaction is in a block, but failed there, and appended nothing",
                step="look for the receipt",
                hint="Prepare its batch again.",
                value=transaction,
            )
        # Straight to the contract, so that its event is the only one.
        if len(mined.logs) != 1:
            raise malformed("the receipt", "does not have the one event of an append")
        return Receipt(
            sequence=read_event(mined.logs[0])[0],
            block_number=mined.block.number,
            block_time=mined.block.time,
            transaction=transaction,
            gas=mined.gas,
            gas_price=mined.gas_price,
        )
