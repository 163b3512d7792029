"""Bitstring Status List 1.0: entries that point into lists, lists, and what one says of the other.

``did.vc.bitstring`` has the bits. Who signed a list, and whether it is new enough, is the
verifier's business (``verifier.status_standing``).
"""

import re
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from did.errors import Invalid, shorten
from did.jcs import Json, JsonObject
from did.vc.bitstring import (
    MAX_SIZE,
    MINIMUM_ENTRIES,
    decode_list,
    encode_list,
    too_short,
    value_at,
)

ENTRY_TYPE: Final = "BitstringStatusListEntry"
LIST_TYPE: Final = "BitstringStatusList"
LIST_VOCABULARY: Final = "https://www.w3.org/ns/credentials/status#"  # of the types' full names
CREDENTIAL_TYPE: Final = "BitstringStatusListCredential"
REVOCATION: Final = "revocation"  # not valid any more, for good
SUSPENSION: Final = "suspension"  # not valid for now
REFRESH: Final = "refresh"  # valid; there is a newer one
MESSAGE: Final = "message"  # valid; there is something to be said of it
KNOWN_PURPOSES: Final = (REVOCATION, SUSPENSION, REFRESH, MESSAGE)  # that the specification defines

_ENTRY: Final = "invalid_status_entry"
_LIST: Final = "invalid_status_list"
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.", re.ASCII)
_STATUS: Final = re.compile(r"0x[0-9A-Fa-f]{1,8}", re.ASCII)
INDEX_DIGITS: Final = 18  # far beyond any list


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """What one value of an entry means (``statusMessage``), for developers, not for end users."""

    value: int
    text: str

    def to_json(self) -> JsonObject:
        """As an object: the value in hexadecimal, and the message."""
        return {"status": hex(self.value), "message": self.text}


class StatusEntry(Struct, frozen=True):
    """Where a credential's status stands: entry ``index`` of the list at URL ``list_url``.

    Attributes:
        purpose: What the status is for: one of ``KNOWN_PURPOSES``, or another.
        index: From 0.
        list_url: The status list credential's URL.
        size: Bits an entry, 1 to 8.
        messages: What each value means, in order; empty if the credential does not say.
        references: URLs of material on what the values mean.
    """

    purpose: str
    index: int
    list_url: str
    size: int = 1
    messages: tuple[StatusMessage, ...] = ()
    references: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """The ``credentialStatus`` entry (section 2.1)."""
        value: JsonObject = {
            "id": f"{self.list_url}#{self.index}",
            "type": ENTRY_TYPE,
            "statusPurpose": self.purpose,
            "statusListIndex": str(self.index),
            "statusListCredential": self.list_url,
        }
        if self.size > 1:
            value["statusSize"] = self.size
        if self.messages:
            value["statusMessage"] = [message.to_json() for message in self.messages]
        if self.references:
            value["statusReference"] = list(self.references)
        return value

    @classmethod
    def from_json(cls, value: Json) -> "StatusEntry":
        """Read a ``credentialStatus`` entry.

        Raises:
            Invalid: ``invalid_status_entry``: of another type, of more than 8 bits, or malformed;
                ``status_index_out_of_range``.
        """
        if not isinstance(value, dict) or value.get("type") != ENTRY_TYPE:
            raise Invalid(_ENTRY, f"a credentialStatus is not a {ENTRY_TYPE}")
        purpose, url = value.get("statusPurpose"), value.get("statusListCredential")
        if not isinstance(purpose, str) or not purpose:
            raise Invalid(_ENTRY, "a credentialStatus has no statusPurpose that is a string")
        if not is_list_url(url):
            raise Invalid(_ENTRY, "statusListCredential is not a URL", value=url)
        if "id" in value and (not is_list_url(value["id"]) or value["id"] == url):
            raise Invalid(
                _ENTRY, "a credentialStatus' id is no URL, or that of its list", value=value["id"]
            )
        size = _size(value, _ENTRY)
        messages = _messages(value, "statusMessage", size, _ENTRY)
        if size > 1 and not messages:
            raise Invalid(_ENTRY, "a statusSize over 1 needs a statusMessage for each value")
        return cls(
            purpose=purpose,
            index=_index(value.get("statusListIndex")),
            list_url=str(url),
            size=size,
            messages=messages,
            references=_references(value),
        )


@dataclass(frozen=True, slots=True)
class StatusList:
    """What a status list credential says, parsed; the credential's proof is checked apart.

    Attributes:
        url: The list's own URL, by which entries name it.
        purposes: What its entries are for, at least one.
        bits: The entries, one after the other.
        ttl: After how long to look for a newer one, milliseconds; None if it does not say.
        size: Bits an entry; None if it does not say.
        messages: What each value means, in order; empty if it does not say.
    """

    url: str
    purposes: tuple[str, ...]
    bits: bytes
    ttl: int | None = None
    size: int | None = None
    messages: tuple[StatusMessage, ...] = ()


class Status(Struct, frozen=True):
    """What a list says of one entry.

    Attributes:
        purpose: The entry's.
        value: 0 for what is not revoked, not suspended, and so on.
        message: What the value means: as the list says, else as the entry does, else ``set`` or
            ``unset``.
    """

    purpose: str
    value: int
    message: str


def list_subject(list_: StatusList) -> JsonObject:
    """The ``credentialSubject`` of the status list credential (section 2.2)."""
    purposes = list_.purposes
    subject: JsonObject = {
        "id": f"{list_.url}#list",
        "type": LIST_TYPE,
        "statusPurpose": purposes[0] if len(purposes) == 1 else list(purposes),
        "encodedList": encode_list(list_.bits),
    }
    if list_.ttl is not None:
        subject["ttl"] = list_.ttl
    if list_.size is not None:
        subject["statusSize"] = list_.size
    if list_.messages:
        subject["statusMessages"] = [message.to_json() for message in list_.messages]
    return subject


def parse_list_subject(url: str, subject: JsonObject) -> StatusList:
    """Read the ``credentialSubject`` of the status list credential that stands at ``url``.

    Raises:
        Invalid: ``invalid_status_list``, ``status_list_too_short``.
    """
    if subject.get("type") != LIST_TYPE:
        raise Invalid(_LIST, f"credentialSubject is not a {LIST_TYPE}")
    text, ttl = subject.get("encodedList"), subject.get("ttl")
    if not isinstance(text, str):
        raise Invalid(_LIST, "a status list lacks its bits")
    if "ttl" in subject and (type(ttl) is not int or ttl < 0):
        raise Invalid(_LIST, "ttl is not a number of milliseconds", value=ttl)
    purposes = _purposes(subject.get("statusPurpose"))
    size = _size(subject, _LIST)
    messages = _messages(subject, "statusMessages", size, _LIST)
    if MESSAGE in purposes and ("statusSize" not in subject or not messages):
        raise Invalid(_LIST, "a list of messages lacks its statusSize or statusMessages")
    return StatusList(
        url=url,
        purposes=purposes,
        bits=decode_list(text),
        ttl=ttl if isinstance(ttl, int) else None,
        size=size if "statusSize" in subject else None,
        messages=messages,
    )


def read_status(list_: StatusList, entry: StatusEntry) -> Status:
    """What ``list_`` says of ``entry`` (section 3.2, as of step 5).

    Raises:
        Invalid: ``status_purpose_mismatch``, ``status_size_mismatch``, ``status_list_too_short``,
            ``status_index_out_of_range``.
    """
    if entry.purpose not in list_.purposes:
        raise Invalid(
            "status_purpose_mismatch",
            f"the credential's entry is for {shorten(entry.purpose)}, its status list for another"
            " purpose",
            value=list_.purposes,
        )
    if list_.size is not None and list_.size != entry.size:
        raise Invalid(
            "status_size_mismatch",
            f"the credential's entry has a size of {entry.size} bits, its status list another",
            value=list_.size,
        )
    if len(list_.bits) * 8 < MINIMUM_ENTRIES * entry.size:
        raise too_short(
            f"a status list has fewer than {MINIMUM_ENTRIES} entries of {entry.size} bits"
        )
    value = value_at(list_.bits, entry.index, entry.size)
    messages = list_.messages or entry.messages
    default = "set" if value else "unset"
    return Status(entry.purpose, value, messages[value].text if messages else default)


def is_list_url(value: Json) -> bool:
    """Whether ``value`` may be where a status list is: an absolute URL (section 2.1)."""
    return isinstance(value, str) and _URL.match(value) is not None


def _index(value: Json) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise Invalid(_ENTRY, "statusListIndex is not a decimal string")
    if len(value) > INDEX_DIGITS:
        raise Invalid("status_index_out_of_range", "no list has such an index", value=value)
    return int(value)


def _size(value: JsonObject, code: str) -> int:
    size = value.get("statusSize", 1)
    if type(size) is not int or size < 1:
        raise Invalid(code, "statusSize is not a number greater than zero", value=size)
    if size > MAX_SIZE:
        raise Invalid(code, f"a statusSize over {MAX_SIZE} is not supported", value=size)
    return size


def _messages(value: JsonObject, name: str, size: int, code: str) -> tuple[StatusMessage, ...]:
    """One message for each value, in order; none if there is no field of that name."""
    if name not in value:
        return ()
    listed = value[name]
    if not isinstance(listed, list) or len(listed) != 1 << size:
        raise Invalid(code, f"{name} does not have one message for each of {1 << size} values")
    found = sorted((_message(item, name, code) for item in listed), key=lambda each: each.value)
    if [each.value for each in found] != list(range(1 << size)):
        raise Invalid(code, f"{name} does not have each value once")
    return tuple(found)


def _message(value: Json, name: str, code: str) -> StatusMessage:
    status, text = (
        (value.get("status"), value.get("message")) if isinstance(value, dict) else ("", "")
    )
    if not isinstance(status, str) or not _STATUS.fullmatch(status) or not isinstance(text, str):
        raise Invalid(code, f"{name} has an element without a status in hexadecimal and a message")
    return StatusMessage(int(status, 16), text)


def _references(value: JsonObject) -> tuple[str, ...]:
    if "statusReference" not in value:
        return ()
    given = value["statusReference"]
    urls = given if isinstance(given, list) else [given]
    if not urls or not all(is_list_url(url) for url in urls):
        raise Invalid(_ENTRY, "statusReference is neither a URL nor a list of URLs", value=given)
    return tuple(str(url) for url in urls)


def _purposes(value: Json) -> tuple[str, ...]:
    purposes = value if isinstance(value, list) else [value]
    if not purposes or not all(isinstance(purpose, str) and purpose for purpose in purposes):
        raise Invalid(_LIST, "a status list's statusPurpose is not one or more strings")
    return tuple(str(purpose) for purpose in purposes)
