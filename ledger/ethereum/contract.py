"""``DidLog`` as it was compiled: its ABI, its code, and how its answers are read.

``ledger/contracts/DidLog.json`` is made from ``DidLog.sol`` by ``ledger/contracts/build.mjs``, and
packaged, so that nobody needs a compiler.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import orjson
from eth_hash.auto import keccak

from ledger.ethereum.encoding import malformed

APPENDED: Final = keccak(b"Appended(uint256,bytes)")
LOG_ID_CALL: Final = keccak(b"logId()")[:4]

SLOT_HEAD: Final = 0
SLOT_SEQUENCE: Final = 1

_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Compiled:
    """The compiled contract.

    Attributes:
        abi: Its JSON ABI.
        bytecode: What a deployment carries.
        runtime: What is deployed, but for the log id, which is 32 zero bytes at each offset.
        log_id_offsets: Where the log id stands in ``runtime``, in bytes.
    """

    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime: bytes
    log_id_offsets: tuple[int, ...]

    def code_hash(self, log_id: bytes) -> bytes:
        """keccak-256 of the code of a deployment whose log id (32 bytes) is this."""
        code = bytearray(self.runtime)
        for offset in self.log_id_offsets:
            code[offset : offset + _WORD] = log_id
        return keccak(code)


@cache
def compiled() -> Compiled:
    """The packaged contract."""
    built = orjson.loads(
        resources.files("ledger").joinpath("contracts").joinpath("DidLog.json").read_bytes()
    )
    return Compiled(
        abi=built["abi"],
        bytecode=bytes.fromhex(built["bytecode"][2:]),
        runtime=bytes.fromhex(built["runtime"][2:]),
        log_id_offsets=tuple(built["logIdOffsets"]),
    )


def read_batch(encoded: bytes) -> bytes:
    """The batch in the data of an ``Appended`` event: the ABI encoding of one ``bytes``.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    offset, length = encoded[:_WORD], int.from_bytes(encoded[_WORD : 2 * _WORD], "big")
    padded = -(-length // _WORD) * _WORD
    if int.from_bytes(offset, "big") != _WORD or len(encoded) != 2 * _WORD + padded:
        raise malformed("an event's data", "is not one batch")
    return encoded[2 * _WORD : 2 * _WORD + length]
