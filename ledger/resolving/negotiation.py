"""Which representation a client is answered with (RFC 9110, section 12.5.1).

The current specification has media types of its own; the older one, and what was built on it, asks
with JSON-LD profiles and ``application/did+ld+json``. Who asks with an older type is answered in
the older form, errors included.

Of equal wishes the one that the client names first counts, and of those that one wish covers, the
one that stands first below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from did.dereference import URI_LIST
from did.errors import Invalid
from keyborn.negotiation import preferred

RESULT: Final = "application/did-resolution"
DEREFERENCING: Final = "application/did-url-dereferencing"
DOCUMENT: Final = "application/did"
OLDER_RESULT: Final = 'application/ld+json;profile="https://w3id.org/did-resolution"'
OLDER_DEREFERENCING: Final = 'application/ld+json;profile="https://w3id.org/did-url-dereferencing"'
OLDER_DOCUMENT: Final = "application/did+ld+json"


class Shape(Enum):
    """What the body holds."""

    RESOLUTION = "a resolution result"
    DEREFERENCING = "a dereferencing result"
    CONTENT = "the document, or the part of it, alone"
    URLS = "nothing: the answer is a redirection"


@dataclass(frozen=True, slots=True)
class Representation:
    """A form that can be answered in.

    Attributes:
        media_type: As in ``Content-Type``.
        shape: What it holds.
        older: Whether it is of the older specification: errors are plain strings.
    """

    media_type: str
    shape: Shape
    older: bool = False


FOR_DIDS: Final = (
    Representation(RESULT, Shape.RESOLUTION),
    Representation(OLDER_RESULT, Shape.RESOLUTION, older=True),
    Representation(DOCUMENT, Shape.CONTENT),
    Representation(OLDER_DOCUMENT, Shape.CONTENT, older=True),
    Representation("application/did+json", Shape.CONTENT, older=True),
    Representation("application/json", Shape.RESOLUTION),
    Representation(DEREFERENCING, Shape.DEREFERENCING),
    Representation(OLDER_DEREFERENCING, Shape.DEREFERENCING, older=True),
)
FOR_DID_URLS: Final = (
    Representation(DEREFERENCING, Shape.DEREFERENCING),
    Representation(OLDER_DEREFERENCING, Shape.DEREFERENCING, older=True),
    Representation(OLDER_RESULT, Shape.RESOLUTION, older=True),
    Representation(DOCUMENT, Shape.CONTENT),
    Representation(OLDER_DOCUMENT, Shape.CONTENT, older=True),
    Representation("application/did+json", Shape.CONTENT, older=True),
    Representation("application/json", Shape.CONTENT),
    Representation(URI_LIST, Shape.URLS),
)


def negotiate(accept: str, served: Sequence[Representation]) -> Representation:
    """The representation that ``accept``, the value of an ``Accept`` header, prefers.

    Raises:
        Invalid: ``representation_not_supported``.
    """
    place = preferred(accept, [each.media_type for each in served])
    if place is None:
        raise Invalid(
            "representation_not_supported",
            "none of the media types that are accepted is served for this",
            hint=f"accept {served[0].media_type}, or {DOCUMENT}",
        )
    return served[place]
