"""Which representation a client is answered with (RFC 9110, section 12.5.1).

The current specification has media types of its own; the older one, and what was built on it, asks
with JSON-LD profiles and ``application/did+ld+json``. Who asks with an older type is answered in
the older form, errors included.

Of equal wishes the one that the client names first counts, and of those that one wish covers, the
one that stands first below.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from did.dereference import URI_LIST
from did.errors import Invalid

RESULT: Final = "application/did-resolution"
DEREFERENCING: Final = "application/did-url-dereferencing"
DOCUMENT: Final = "application/did"
OLDER_RESULT: Final = 'application/ld+json;profile="https://w3id.org/did-resolution"'
OLDER_DEREFERENCING: Final = 'application/ld+json;profile="https://w3id.org/did-url-dereferencing"'
OLDER_DOCUMENT: Final = "application/did+ld+json"

_ITEM = re.compile(r'(?:[^,"]|"[^"]*")+')
_PARAMETER = re.compile(r'(?:[^;"]|"[^"]*")+')
_QUALITY = re.compile(r"[01](?:\.[0-9]{0,3})?", re.ASCII)


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


@dataclass(frozen=True, slots=True)
class _Range:
    """One media range of ``Accept``."""

    name: str
    profile: str | None
    quality: float
    place: int

    def covers(self, representation: Representation) -> int:
        """How closely it names it: 0 for not at all, 4 at the most."""
        name, _, rest = representation.media_type.partition(";")
        if self.name == name:
            if self.profile is None:
                return 3
            return 4 if rest == f'profile="{self.profile}"' else 0
        if self.name == "application/*" and name.startswith("application/"):
            return 2
        return 1 if self.name == "*/*" else 0


_NOTHING: Final = _Range("", None, 0.0, 0)


def negotiate(accept: str, served: Sequence[Representation]) -> Representation:
    """The representation that ``accept``, the value of an ``Accept`` header, prefers.

    Raises:
        Invalid: ``representation_not_supported``.
    """
    ranges = list(_ranges(accept if accept.strip(" \t,") else "*/*"))
    best: tuple[float, int, int, Representation] | None = None
    for preference, representation in enumerate(served):
        closest = max(ranges, key=lambda one: one.covers(representation), default=_NOTHING)
        if not closest.covers(representation) or closest.quality <= 0:
            continue
        wish = (-closest.quality, closest.place, preference, representation)
        if best is None or wish[:3] < best[:3]:
            best = wish
    if best is None:
        raise Invalid(
            "representation_not_supported",
            "none of the media types that are accepted is served for this",
            hint=f"accept {served[0].media_type}, or {DOCUMENT}",
        )
    return best[3]


def _ranges(accept: str) -> Iterator[_Range]:
    for place, item in enumerate(_ITEM.findall(accept)):
        name, *parameters = [part.strip() for part in _PARAMETER.findall(item)] or [""]
        values = {
            key.strip().lower(): value.strip().strip('"')
            for key, _, value in (parameter.partition("=") for parameter in parameters)
        }
        quality = values.get("q", "1")
        weight = float(quality) if _QUALITY.fullmatch(quality) else 0.0
        if name:
            yield _Range(name.lower(), values.get("profile"), weight, place)
