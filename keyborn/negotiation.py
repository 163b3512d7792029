"""Content negotiation and conditional requests: what a request's headers ask for (RFC 9110)."""

from collections.abc import Mapping, Sequence


def negotiated(accepts: Sequence[str], offered: Mapping[str, str]) -> str | None:
    """What to answer with, of what is ``offered``; None if nothing of it is acceptable.

    Args:
        accepts: The values of the request's ``Accept`` headers (section 12.5.1).
        offered: What is answered with, by each media range that asks for it; the first is the
            default, for who accepts everything.
    """
    default = next(iter(offered.values()))
    wishes: list[tuple[float, int, str]] = []
    for place, item in enumerate(",".join(accepts).split(",")):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = _weight(parameters)
        found = default if name == "*/*" else offered.get(name)
        if found is not None and weight > 0:
            wishes.append((-weight, place, found))
    if not any(accept.strip() for accept in accepts):
        return default
    return min(wishes)[2] if wishes else None


def is_unchanged(conditions: Sequence[str], etag: str) -> bool:
    """Whether the values of ``If-None-Match`` name ``etag`` (section 13.1.2, weak comparison)."""
    named = {tag.strip().removeprefix("W/") for tag in ",".join(conditions).split(",")}
    return "*" in named or etag.removeprefix("W/") in named


def _weight(parameters: Sequence[str]) -> float:
    given = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0
