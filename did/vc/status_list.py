"""Bitstring Status List 1.0: the list, its encoding, and the entries that point into it."""

import gzip
import zlib
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.multibase import base64url_decode, base64url_encode

MINIMUM_BITS: Final = 131_072  # 16 KB: the herd that one entry hides in (section 3.2)
ENTRY_TYPE: Final = "BitstringStatusListEntry"
LIST_TYPE: Final = "BitstringStatusList"
CREDENTIAL_TYPE: Final = "BitstringStatusListCredential"
REVOCATION: Final = "revocation"
SUSPENSION: Final = "suspension"
PURPOSES: Final = (REVOCATION, SUSPENSION)

_INDEX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """Where a credential's status stands: bit ``index`` of the list at URL ``list_url``."""

    purpose: str
    index: int
    list_url: str

    def to_json(self) -> JsonObject:
        """The ``credentialStatus`` entry (section 2.1)."""
        return {
            "id": f"{self.list_url}#{self.index}",
            "type": ENTRY_TYPE,
            "statusPurpose": self.purpose,
            "statusListIndex": str(self.index),
            "statusListCredential": self.list_url,
        }

    @classmethod
    def from_json(cls, value: Json) -> "StatusEntry":
        """Read a ``credentialStatus`` entry.

        Raises:
            Invalid: ``invalid_status_entry``: another type, a list of more than one bit an entry,
                or malformed.
        """
        if not isinstance(value, dict) or value.get("type") != ENTRY_TYPE:
            raise Invalid("invalid_status_entry", f"a credentialStatus is not a {ENTRY_TYPE}")
        purpose, index = value.get("statusPurpose"), value.get("statusListIndex")
        url = value.get("statusListCredential")
        if not isinstance(purpose, str) or not isinstance(url, str):
            raise Invalid("invalid_status_entry", "a credentialStatus lacks purpose or list")
        if not isinstance(index, str) or not index.isascii() or not index.isdigit():
            raise Invalid("invalid_status_entry", "statusListIndex is not a decimal string")
        if len(index) > _INDEX_DIGITS:
            raise Invalid("invalid_status_entry", "statusListIndex is out of range", value=index)
        size = value.get("statusSize", 1)
        if type(size) is not int or size != 1:
            raise Invalid("invalid_status_entry", "only lists of one bit an entry are supported")
        return cls(purpose, int(index), url)


def encode_list(bits: bytes) -> str:
    """``bits`` as an ``encodedList``: multibase base64url of GZIP (section 3.3).

    The first entry is the left-most bit of the first byte. Equal bits give equal text.
    """
    return "u" + base64url_encode(gzip.compress(bits, mtime=0))


def decode_list(text: str, *, max_bits: int = LIMITS.status_list_bits) -> bytes:
    """The bits of an ``encodedList``, decompressed up to a limit (section 3.4).

    Raises:
        Invalid: ``invalid_status_list``: not multibase base64url, not GZIP, over ``max_bits``,
            under the minimum of 131,072 bits, or with bytes after its end.
    """
    if not text.startswith("u"):
        raise Invalid("invalid_status_list", "an encodedList does not begin with u (base64url)")
    limit = max_bits // 8
    try:
        packed = base64url_decode(text[1:], limit=2 * limit)
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        bits = unpacker.decompress(packed, limit + 1)
    except (Invalid, zlib.error) as error:
        raise Invalid("invalid_status_list", "an encodedList is not base64url of GZIP") from error
    if len(bits) > limit:
        raise Invalid("invalid_status_list", f"a status list is longer than {max_bits} bits")
    if not unpacker.eof or unpacker.unused_data:
        raise Invalid("invalid_status_list", "an encodedList is cut off, or goes on after its end")
    if len(bits) * 8 < MINIMUM_BITS:
        raise Invalid("invalid_status_list", f"a status list is shorter than {MINIMUM_BITS} bits")
    return bits


@dataclass(frozen=True, slots=True)
class StatusList:
    """What a status list credential says, parsed; the credential's proof is checked apart.

    Attributes:
        url: The list's own URL, by which entries name it.
        purpose: ``revocation`` or ``suspension``.
        bits: One bit an entry.
        ttl: How long it may be cached, milliseconds; None if it does not say.
    """

    url: str
    purpose: str
    bits: bytes
    ttl: int | None


def list_subject(list_: StatusList) -> JsonObject:
    """The ``credentialSubject`` of the status list credential (section 2.2)."""
    subject: JsonObject = {
        "id": f"{list_.url}#list",
        "type": LIST_TYPE,
        "statusPurpose": list_.purpose,
        "encodedList": encode_list(list_.bits),
    }
    if list_.ttl is not None:
        subject["ttl"] = list_.ttl
    return subject


def parse_list_subject(url: str, subject: JsonObject) -> StatusList:
    """Read the ``credentialSubject`` of the status list credential that stands at ``url``.

    Raises:
        Invalid: ``invalid_status_list``.
    """
    purpose, text, ttl = (
        subject.get("statusPurpose"),
        subject.get("encodedList"),
        subject.get("ttl"),
    )
    if subject.get("type") != LIST_TYPE:
        raise Invalid("invalid_status_list", f"credentialSubject is not a {LIST_TYPE}")
    if not isinstance(purpose, str) or not isinstance(text, str):
        raise Invalid("invalid_status_list", "a status list lacks its purpose or its bits")
    if ttl is not None and (type(ttl) is not int or ttl < 0):
        raise Invalid("invalid_status_list", "ttl is not a number of milliseconds", value=ttl)
    return StatusList(url, purpose, decode_list(text), ttl)


def is_set(bits: bytes, index: int) -> bool:
    """Whether entry ``index`` is set; raises ``Invalid`` (``status_index_out_of_range``)."""
    _check_index(bits, index)
    return bool(bits[index // 8] >> (7 - index % 8) & 1)


def with_bit(bits: bytes, index: int, *, value: bool) -> bytes:
    """A copy of ``bits`` in which entry ``index`` is ``value``; raises as ``is_set``."""
    _check_index(bits, index)
    changed = bytearray(bits)
    mask = 1 << (7 - index % 8)
    changed[index // 8] = changed[index // 8] | mask if value else changed[index // 8] & ~mask
    return bytes(changed)


def _check_index(bits: bytes, index: int) -> None:
    if not 0 <= index < len(bits) * 8:
        raise Invalid(
            "status_index_out_of_range", "statusListIndex is outside its list", value=index
        )
