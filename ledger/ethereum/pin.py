"""What a reader holds fixed about a log on Ethereum, whatever a node says."""

import re
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from did.errors import Invalid

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class EthereumPin:
    """One deployment of ``DidLog``. Raises ``Invalid`` (``ledger_bad_pin``) where it is malformed.

    Attributes:
        chain_id: EIP-155 chain id, at least 1.
        contract: Address, ``0x`` and 40 hexadecimal digits with the checksum of EIP-55.
        code_hash: keccak-256 of the deployed code, 32 bytes.
        log_id: 32 bytes, the head of the log before its first batch.
    """

    chain_id: int
    contract: str
    code_hash: bytes
    log_id: bytes

    def __post_init__(self) -> None:
        """Refuse what cannot be a pin."""
        if self.chain_id < 1:
            raise _bad("the chain id is not positive", self.chain_id)
        if not _ADDRESS.fullmatch(self.contract) or self.contract != checksum(self.address):
            raise _bad("the contract is not an address with its EIP-55 checksum", self.contract)
        if len(self.code_hash) != _HASH_BYTES:
            raise _bad("the code hash is not 32 bytes", self.code_hash.hex())
        if len(self.log_id) != _HASH_BYTES:
            raise _bad("the log id is not 32 bytes", self.log_id.hex())

    @property
    def address(self) -> bytes:
        """The contract's address, 20 bytes."""
        return bytes.fromhex(self.contract[2:])


def checksum(address: bytes) -> str:
    """The 20 bytes of ``address`` as text, ``0x…`` with the checksum of EIP-55."""
    digits = address.hex()
    nibbles = keccak(digits.encode()).hex()
    upper = "89abcdef"
    return "0x" + "".join(
        digit.upper() if nibble in upper else digit
        for digit, nibble in zip(digits, nibbles, strict=False)
    )


def _bad(message: str, value: object) -> Invalid:
    return Invalid(
        "ledger_bad_pin",
        message,
        step="read the pin",
        hint="Take the pin from who runs the log; it is in their network.toml.",
        value=value,
    )
