"""How an issuer keeps status lists: how long they count, what may be said, when one is full."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from did.errors import Invalid
from did.vc.bitstring import MAX_SIZE, MINIMUM_ENTRIES
from did.vc.status_list import StatusMessage

TTL: Final = timedelta(minutes=5)
FULL: Final = MINIMUM_ENTRIES // 2
UNDEFINED: Final = "undefined"  # as Bitstring Status List 1.0 calls a value with no meaning yet

_MAX_CHARACTERS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTerms:
    """What holds for lists, and for the entries that are given out, from now on.

    Attributes:
        ttl: After how long readers look for a newer list.
        lifetime: How long a list may be relied upon where no newer one can be had; ``ttl`` at
            least, and ``ttl`` if it is None.
        messages: What may be said of a device; the first of them is said until another is set. None
            may be empty. With none, credentials get no entry for messages.
        full: How many entries of a list are given out before another is begun. Half of them: so
            finding a free one at random takes two tries at most on average.

    Raises:
        Invalid: ``invalid_status_terms``.
    """

    ttl: timedelta = TTL
    lifetime: timedelta | None = None
    messages: tuple[str, ...] = ()
    full: int = FULL

    def __post_init__(self) -> None:
        if self.lifetime is not None and self.lifetime < self.ttl:
            raise _wrong("a status list ends before its time to live is over", str(self.lifetime))
        count, most = len(self.messages), 1 << MAX_SIZE
        if count == 1 or count > most or len(set(self.messages)) != count:
            raise _wrong(f"there are 2 to {most} messages, or none, and none is there twice", count)
        for text in self.messages:
            if not text.strip() or len(text) > _MAX_CHARACTERS or text == UNDEFINED:
                raise _wrong(
                    f"a message is blank, longer than {_MAX_CHARACTERS} characters,"
                    f" or {UNDEFINED!r}",
                    text,
                )
        if not 0 < self.full <= FULL:
            raise _wrong(f"a list is full with 1 to {FULL} entries given out", self.full)

    @property
    def ends_after(self) -> timedelta:
        """How long a list may be relied upon."""
        return self.ttl if self.lifetime is None else self.lifetime


def size_of(messages: tuple[str, ...]) -> int:
    """Bits that an entry needs for one of ``messages``; 1 where there are none."""
    return max(1, (len(messages) - 1).bit_length())


def status_messages(messages: tuple[str, ...]) -> tuple[StatusMessage, ...]:
    """``messages`` by their values, and ``undefined`` for the values that are left."""
    texts = (*messages, *[UNDEFINED] * ((1 << size_of(messages)) - len(messages)))
    return tuple(StatusMessage(value, text) for value, text in enumerate(texts if messages else ()))


def _wrong(message: str, value: object) -> Invalid:
    return Invalid(
        "invalid_status_terms",
        message,
        value=value,
        hint="see keyborn issuer serve --help",
    )
