"""One head, proven: the contract's account and its two storage slots under a block header.

``prove_head`` is pure: a proof, a header that is believed and a pin give the head. It serves who
follows the log (``ledger.ethereum.heads``) and who checks a proof file (``ledger.state_proof``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from did.errors import Invalid
from did.resolution import Finality
from ledger.ethereum.contract import SLOT_HEAD, SLOT_SEQUENCE
from ledger.ethereum.encoding import COUNTED, malformed
from ledger.ethereum.header import Header
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.proof import prove_account, prove_slot, read_proof
from ledger.log import Head

if TYPE_CHECKING:
    from ledger.ethereum.node import Node  # who checks offline needs no HTTP

_WORD: Final = 32
_SLOTS: Final = (SLOT_HEAD, SLOT_SEQUENCE)


@dataclass(frozen=True, slots=True)
class HeadProof:
    """The nodes of three Merkle-Patricia proofs, each from its root to its leaf.

    Attributes:
        account: Of the contract's account, under the header's state root.
        head: Of storage slot 0, under the account's storage root.
        sequence: Of storage slot 1.
    """

    account: tuple[bytes, ...]
    head: tuple[bytes, ...]
    sequence: tuple[bytes, ...]


def fetch_head_proof(node: "Node", contract: str, block_hash: bytes) -> HeadProof:
    """What ``node`` gives as proof of the log's head as of a block (its hash, 32 bytes).

    Nothing of it is believed here.

    Raises:
        Unavailable: ``ledger_unreachable``, ``ledger_node_error``.
        Invalid: ``ledger_malformed_answer``, ``ledger_forged_proof``.
    """
    # By hash, not by number: a reorganisation between the two calls would look like a forgery.
    answer = node.call(
        "eth_getProof",
        contract,
        [f"0x{slot:064x}" for slot in _SLOTS],
        {"blockHash": "0x" + block_hash.hex()},
    )
    account, (head, sequence) = read_proof(answer, len(_SLOTS))
    return HeadProof(tuple(account), tuple(head), tuple(sequence))


def prove_head(proof: HeadProof, header: Header, pin: EthereumPin, finality: Finality) -> Head:
    """The head that ``proof`` proves under ``header``. Its ``evidence`` is the block's hash.

    1. The account's proof holds under the header's state root, for the pinned address.
    2. The account's code hash is the pinned one.
    3. The slots' proofs hold under the account's storage root: they are the head and the sequence.
    4. The head of an empty log is the pinned log id.

    Under a block older than the contract, the account's absence is what is proven: the log is
    empty there. Under the latest block there is no such excuse.

    Not checked: that the block is the chain's. That is for who brings the header.

    Raises:
        Invalid: ``ledger_forged_proof`` (1, 3), ``ledger_wrong_code`` (1, 2),
            ``ledger_malformed_answer`` (3), ``ledger_wrong_log`` (4).
    """
    account = prove_account(header.state_root, pin.address, proof.account)
    if account is None:
        if finality is Finality.LATEST:
            raise _wrong_code(pin, "there is no contract at the pinned address")
        sequence, head = 0, pin.log_id
    else:
        if account.code_hash != pin.code_hash:
            raise _wrong_code(pin, "the contract's code is not the one that is pinned")
        sequence = prove_slot(account.storage_root, SLOT_SEQUENCE, proof.sequence)
        head = prove_slot(account.storage_root, SLOT_HEAD, proof.head).to_bytes(_WORD, "big")
    if sequence > COUNTED:
        raise malformed("the sequence", "is beyond all reason", sequence)
    if sequence == 0 and head != pin.log_id:
        raise Invalid(
            "ledger_wrong_log",
            "the log is empty, and its head is not the log id that is pinned",
            step="compare the head with the pin",
            hint="Take the pin from who runs the log; this one is of another deployment.",
            value=head.hex(),
        )
    return Head(sequence, head, header.time, finality, evidence=header.hash)


def _wrong_code(pin: EthereumPin, message: str) -> Invalid:
    return Invalid(
        "ledger_wrong_code",
        message,
        step="compare the contract with the pin",
        hint="Compare the pin's contract and code hash with those that the log's operator "
        "hands out.",
        value=pin.contract,
    )
