"""Heads of the log, proven: the contract's storage under a block header that is believed.

``ProvenHeads.at`` makes one head for each finality:

1. it takes a block's header from the header source (``ledger.ethereum.headers``), whose word it is
   that this block is the chain's;
2. it asks a node for a proof of the head as of that block's hash (``eth_getProof``), and checks it
   against the header's state root and the pin (``ledger.ethereum.head_proof``); where that node
   fails, or what it gives does not hold, it asks the next one.

Before a node is asked for its first proof ``check_pin`` compares its chain id and the contract's
log id with the pin. These two are the node's word, to name a wrong address early; what proves the
log id is the replay, which starts from the pinned one.
"""

import time
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid
from did.resolution import Finality
from ledger.ethereum.contract import LOG_ID_CALL
from ledger.ethereum.encoding import data, quantity
from ledger.ethereum.head_proof import fetch_head_proof, prove_head
from ledger.ethereum.header import Header
from ledger.ethereum.headers import HeaderSource
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.pin import EthereumPin
from ledger.log import Head

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
        head = self._nodes.first(
            f"the {finality} proof", lambda node: self._proofs[node].head(header, finality)
        )
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
        proof = fetch_head_proof(self._node, self._pin.contract, header.hash)
        return prove_head(proof, header, self._pin, finality)
