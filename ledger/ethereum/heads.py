"""Heads of the log, proven: the contract's storage under a block header that is believed.

``ProvenHeads.at`` makes one head for each finality:

1. it takes a block's header from the header source (``ledger.ethereum.headers``), whose word it is
   that this block is the chain's;
2. it asks a node for the contract's account and its two storage slots as of that block's hash
   (``eth_getProof``), and checks both proofs against the header's state root; where that node
   fails, or what it gives does not hold, it asks the next one;
3. it compares the account's code hash with the pin;
4. it takes head and sequence from the slots. Under an older block the contract may not exist yet,
   which the proof proves: the log is empty there.

Before a node is asked for its first proof ``check_pin`` compares its chain id and the contract's
log id with the pin. These two are the node's word, to name a wrong address early; what proves the
log id is the replay, which starts from the pinned one.
"""

import time
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid
from did.resolution import Finality
from ledger.ethereum.contract import LOG_ID_CALL, SLOT_HEAD, SLOT_SEQUENCE
from ledger.ethereum.encoding import COUNTED, data, malformed, quantity
from ledger.ethereum.header import Header
from ledger.ethereum.headers import HeaderSource
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.proof import prove_account, prove_slot, read_proof
from ledger.log import Head

_WORD: Final = 32
_PROOF_PAUSES: Final = (0.02, 0.2)  # seconds before a proof is asked for anew


@dataclass(frozen=True, slots=True)
class ProvenHead:
    """A head, and the header that it was proven under."""

    header: Header
    head: Head


class ProvenHeads:
    """The heads of the log behind a pin.

    Args:
        nodes: Give the proofs; not believed.
        pin: What must hold.
        headers: Gives the headers; believed.
    """

    def __init__(self, nodes: Nodes, pin: EthereumPin, headers: HeaderSource) -> None:
        self._nodes = nodes
        self._headers = headers
        self._proofs = {node: NodeProofs(node, pin) for node in nodes.in_turn()}

    def check_pin(self) -> None:
        """Compare the nodes with the pin, each once; one that matches it is enough.

        Raises:
            KeybornError: As ``NodeProofs.check_pin``.
        """
        self._nodes.first("proofs", lambda node: self._proofs[node].check_pin())

    def at(self, finality: Finality) -> ProvenHead:
        """The head under the newest block of this finality. Its ``evidence`` is the block's hash.

        A node that mines between its two answers, as anvil does, may prove a state that its header
        does not have yet; so a proof that does not hold is asked for anew before it counts.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``.
            Invalid: ``ledger_wrong_log``, ``ledger_wrong_code``, ``ledger_forged_header``,
                ``ledger_forged_proof``, ``ledger_malformed_answer``.
            KeybornError: As ``HeaderSource.header``.
        """
        for pause in _PROOF_PAUSES:
            try:
                return self._at(finality)
            except Invalid as error:
                if error.code != "ledger_forged_proof":
                    raise
            time.sleep(pause)  # a node says nothing when it has mined
        return self._at(finality)

    def _at(self, finality: Finality) -> ProvenHead:
        header = self._headers.header(finality)
        head = self._nodes.first("proofs", lambda node: self._proofs[node].head(header, finality))
        return ProvenHead(header, head)


class NodeProofs:
    """The proofs that one node gives, checked.

    Args:
        node: The node to ask.
        pin: What must hold.
    """

    def __init__(self, node: Node, pin: EthereumPin) -> None:
        self._node = node
        self._pin = pin
        self._matches_pin = False

    def check_pin(self) -> None:
        """Compare the node with the pin, once, before anything is believed or signed.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``.
            Invalid: ``ledger_wrong_chain``, ``ledger_wrong_log``, ``ledger_malformed_answer``.
        """
        if self._matches_pin:
            return
        chain_id = quantity(self._node.call("eth_chainId"), "the chain id")
        if chain_id != self._pin.chain_id:
            raise Invalid(
                "ledger_wrong_chain",
                f"the node is on chain {chain_id}, the log on chain {self._pin.chain_id}",
                step="compare the node with the pin",
                hint="Give the address of a node of the log's own chain.",
            )
        call = {"to": self._pin.contract, "data": "0x" + LOG_ID_CALL.hex()}
        answer = data(self._node.call("eth_call", call, "latest"), "the log id")
        # Where no code is, a call returns nothing; the proof names that better.
        if answer and answer != self._pin.log_id:
            raise Invalid(
                "ledger_wrong_log",
                "the contract is another log than the one that is pinned",
                step="compare the node with the pin",
                hint="Take the pin from who runs the log; this one is of another deployment.",
                value=answer.hex(),
            )
        self._matches_pin = True

    def head(self, header: Header, finality: Finality) -> Head:
        """The head under this header, which is the newest of this finality.

        Raises:
            KeybornError: As ``check_pin``.
            Invalid: ``ledger_wrong_code``, ``ledger_forged_proof``.
        """
        self.check_pin()
        # By hash, not by number: a reorganisation between the two calls would look like a forgery.
        slots = (SLOT_HEAD, SLOT_SEQUENCE)
        answer = self._node.call(
            "eth_getProof",
            self._pin.contract,
            [f"0x{slot:064x}" for slot in slots],
            {"blockHash": "0x" + header.hash.hex()},
        )
        account_proof, (head_proof, sequence_proof) = read_proof(answer, len(slots))
        account = prove_account(header.state_root, self._pin.address, account_proof)
        if account is None:
            if finality is Finality.LATEST:
                raise self._wrong_code("there is no contract at the pinned address")
            sequence, head = 0, self._pin.log_id
        else:
            if account.code_hash != self._pin.code_hash:
                raise self._wrong_code("the contract's code is not the one that is pinned")
            sequence = prove_slot(account.storage_root, SLOT_SEQUENCE, sequence_proof)
            head = prove_slot(account.storage_root, SLOT_HEAD, head_proof).to_bytes(_WORD, "big")
        if sequence > COUNTED:
            raise malformed("the sequence", "is beyond all reason", sequence)
        if sequence == 0 and head != self._pin.log_id:
            raise Invalid(
                "ledger_wrong_log",
                "the log is empty, and its head is not the log id that is pinned",
                step="compare the head with the pin",
                hint="Take the pin from who runs the log; this one is of another deployment.",
                value=head.hex(),
            )
        return Head(
            sequence=sequence,
            head=head,
            time=header.time,
            finality=finality,
            evidence=header.hash,
        )

    def _wrong_code(self, message: str) -> Invalid:
        return Invalid(
            "ledger_wrong_code",
            message,
            step="compare the contract with the pin",
            hint="Compare the pin's contract and code hash with those that the log's operator "
            "hands out.",
            value=self._pin.contract,
        )
