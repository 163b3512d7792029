"""Content negotiation and conditional requests: what a request's headers ask for (RFC 9110)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_ITEM: Final = re.compile(r'(?:[^,"]|"[^"]*")+')
_PARAMETER: Final = re.compile(r'(?:[^;"]|"[^"]*")+')
_QUALITY: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Range:
    """One media range of ``Accept``."""

    name: str
    profile: str | None
    quality: float
    place: int

    def covers(self, media_type: str) -> int:
        """How closely it names it: 0 for not at all, 4 at the most."""
        name, _, rest = media_type.partition(";")
        if self.name == name:
            if self.profile is None:
                return 3
            return 4 if rest == f'profile="{self.profile}"' else 0
        if self.name == f"{name.partition('/')[0]}/*":
            return 2
        return 1 if self.name == "*/*" else 0


_NOTHING: Final = _Range("", None, 0.0, 0)


def preferred(accept: str, served: Sequence[str]) -> int | None:
    """Which of the media types that are ``served`` a client prefers; None if it accepts none.

    Of equal wishes the one that the client names first counts, and of those that one wish covers,
    the one that stands first in ``served``.

    Args:
        accept: The value of ``Accept`` (section 12.5.1), several joined by commas; empty for none.
        served: In lower case; a profile, if it has one, as ``;profile="..."``.

    Returns:
        Its place in ``served``.
    """
    ranges = list(_ranges(accept if accept.strip(" \t,") else "*/*"))
    wishes: list[tuple[float, int, int]] = []
    for place, media_type in enumerate(served):
        closest = max(ranges, key=lambda one: one.covers(media_type), default=_NOTHING)
        if closest.covers(media_type) and closest.quality > 0:
            wishes.append((-closest.quality, closest.place, place))
    return min(wishes)[2] if wishes else None


def is_unchanged(conditions: Sequence[str], etag: str) -> bool:
    """Whether the values of ``If-None-Match`` name ``etag`` (section 13.1.2, weak comparison)."""
    named = {tag.strip().removeprefix("W/") for tag in ",".join(conditions).split(",")}
    return "*" in named or etag.removeprefix("W/") in named


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
