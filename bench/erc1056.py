"""What ERC-1056 takes on the same chain: ``EthereumDIDRegistry`` of npm's ``ethr-did-registry``.

It is driven by web3, with its own compiled artifact. Its nearest thing to a registration is
``setAttribute``, which says that an Ed25519 key belongs to an identity; a device that owns no ether
has it relayed, as ``setAttributeSigned``. Its rotation is ``changeOwner``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_typing import Hash32
from web3 import HTTPProvider, Web3

from did.errors import Unavailable
from did.keys import SigningKey
from ledger.ethereum.anvil import AnvilNode

if TYPE_CHECKING:
    from web3.contract import Contract

ARTIFACT: Final = (
    Path(__file__).parents[1]
    / "node_modules/ethr-did-registry/artifacts/contracts/EthereumDIDRegistry.sol"
    / "EthereumDIDRegistry.json"
)
NAME: Final = b"did/pub/Ed25519/veriKey/base64".ljust(32, b"\0")
VALIDITY: Final = 365 * 24 * 3600
GAS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Erc1056:
    """Gas of one call each, as a transaction of its own, that came into effect.

    Attributes:
        set_attribute: By the identity itself, its first.
        set_attribute_signed: Signed by the identity, sent by somebody else; its first.
        set_attribute_signed_again: The same identity's second, which fills no new storage slot.
        change_owner: By the identity itself, its first change.
    """

    set_attribute: int
    set_attribute_signed: int
    set_attribute_signed_again: int
    change_owner: int


def measure_erc1056(chain: AnvilNode) -> Erc1056:
    """Deploy the registry and make one identity of each kind.

    Raises:
        Unavailable: ``erc1056_missing``; ``erc1056_without_effect`` where a call did not do what
            it is measured for.
    """
    registry = _Registry(chain)
    owner, device, other = (registry.funded() for _ in range(3))
    new_owner = Account.create().address
    calls = registry.contract.functions
    measured = Erc1056(
        set_attribute=registry.send(owner, calls.setAttribute(owner.address, *_attribute())),
        set_attribute_signed=registry.relay(device, _attribute()),
        set_attribute_signed_again=registry.relay(device, _attribute()),
        change_owner=registry.send(other, calls.changeOwner(other.address, new_owner)),
    )
    if calls.identityOwner(other.address).call() != new_owner:
        raise _without_effect("changeOwner")
    return measured


def _attribute() -> tuple[bytes, bytes, int]:
    return NAME, SigningKey.generate().public_key().raw, VALIDITY


class _Registry:
    """The registry on a chain, and somebody who pays for what is relayed."""

    def __init__(self, chain: AnvilNode) -> None:
        try:
            artifact = json.loads(ARTIFACT.read_bytes())
        except FileNotFoundError as error:
            raise Unavailable(
                "erc1056_missing",
                "the contract of ERC-1056 is not installed",
                step="deploy ERC-1056",
                hint="Run `npm ci` in the project's folder.",
            ) from error
        self._chain = chain
        self._web3 = Web3(HTTPProvider(chain.url))
        self._relay = self.funded()
        made = self._web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        receipt = self._mined(self._relay, made.constructor().build_transaction)
        self.contract: Contract = self._web3.eth.contract(
            address=receipt["contractAddress"], abi=artifact["abi"]
        )

    def funded(self) -> LocalAccount:
        """A new key that owns ether."""
        account: LocalAccount = Account.create()
        self._chain.fund(account.address)
        return account

    def send(self, sender: LocalAccount, call: Any) -> int:  # noqa: ANN401 - web3 makes its classes from the ABI
        """Gas of a call that ``sender`` sends; it succeeds and has one event."""
        receipt = self._mined(sender, call.build_transaction)
        if receipt["status"] != 1 or len(receipt["logs"]) != 1:
            raise _without_effect(call.fn_name)
        return int(receipt["gasUsed"])

    def relay(self, identity: LocalAccount, attribute: tuple[bytes, bytes, int]) -> int:
        """Gas of a ``setAttributeSigned`` of ``identity``, as the relay sends it."""
        name, value, validity = attribute
        nonce = self.contract.functions.nonce(identity.address).call()
        # keccak256(0x19 || 0x00 || registry || nonce || identity || "setAttribute" || ...)
        digest = keccak(
            b"\x19\x00"
            + bytes.fromhex(self.contract.address[2:])
            + nonce.to_bytes(32, "big")
            + bytes.fromhex(identity.address[2:])
            + b"setAttribute"
            + name
            + value
            + validity.to_bytes(32, "big")
        )
        signed = identity.unsafe_sign_hash(Hash32(digest))
        call = self.contract.functions.setAttributeSigned(
            identity.address,
            signed.v,
            signed.r.to_bytes(32, "big"),
            signed.s.to_bytes(32, "big"),
            name,
            value,
            validity,
        )
        return self.send(self._relay, call)

    def _mined(self, sender: LocalAccount, build: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        transaction = build(
            {
                "from": sender.address,
                "nonce": self._web3.eth.get_transaction_count(sender.address),
                "gas": GAS,
            }
        )
        raw = sender.sign_transaction(transaction).raw_transaction
        sent = self._web3.eth.send_raw_transaction(raw)
        self._chain.mine()
        return self._web3.eth.get_transaction_receipt(sent)


def _without_effect(call: str) -> Unavailable:
    return Unavailable(
        "erc1056_without_effect",
        f"{call} did not do what it is measured for",
        step="measure ERC-1056",
    )
