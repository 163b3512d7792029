"""The options of resolving and dereferencing, read strictly (DID Resolution 1.0, 4.1 and 5.1).

::

    versionId, versionTime            which version; not both
    expandRelativeUrls                true: relative DID URLs in the document are made absolute
    noCache                           true: what is kept of a did:web is fetched anew
    verificationRelationship          what a verification method is to be authorized for
    accept                            instead of the header

and those of did:key: ``publicKeyFormat``, ``enableEncryptionKeyDerivation``,
``enableExperimentalPublicKeyTypes``, ``defaultContext`` (several times in a query, a list in JSON).
Others are not supported, and that is said (4.4, step 3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from did.errors import Invalid, shorten
from did.jcs import Json
from did.key_documents import DEFAULTS, DID_CONTEXT, NEWER_DID_CONTEXT, KeyOptions
from did.timestamps import format_time, parse_time

VERSION_OPTIONS: Final = ("versionId", "versionTime")

TEXTS: Final = (*VERSION_OPTIONS, "verificationRelationship", "accept", "publicKeyFormat")
FLAGS: Final = (
    "expandRelativeUrls",
    "noCache",
    "enableEncryptionKeyDerivation",
    "enableExperimentalPublicKeyTypes",
)
_KEY_OPTIONS: Final = (
    "publicKeyFormat",
    "enableEncryptionKeyDerivation",
    "enableExperimentalPublicKeyTypes",
    "defaultContext",
)
_MOST_CONTEXTS: Final = 8
_LONGEST_ACCEPT: Final = 8_192  # characters; a header is not longer either


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for beside the DID or DID URL itself.

    Attributes:
        at: The version, by its id or by a time; None: the newest.
        expand: Whether relative DID URLs are made absolute.
        fresh: Whether nothing that was kept may answer.
        relationship: What a verification method is to be authorized for.
        accept: Instead of the header, if given.
        key: Those of did:key; None where none of them is given.
    """

    at: str | datetime | None = None
    expand: bool = False
    fresh: bool = False
    relationship: str | None = None
    accept: str | None = None
    key: KeyOptions | None = None


def parse_options(given: Iterable[tuple[str, Json]]) -> Options:
    """The options that the pairs of a query, or the members of a JSON object, are.

    Raises:
        Invalid: ``invalid_options``, ``invalid_time``, ``feature_not_supported``.
    """
    values: dict[str, Json] = {}
    contexts: list[Json] = []
    for name, value in given:
        if name == "defaultContext":
            contexts += value if isinstance(value, list) else [value]
        elif name in TEXTS or name in FLAGS:
            if name in values:
                raise _invalid(f"{name} is given twice", name)
            values[name] = _flag(name, value) if name in FLAGS else _text(name, value)
        else:
            raise Invalid(
                "feature_not_supported",
                f"the option {shorten(name)} is not supported",
                value=name,
                hint="leave it out; a DID URL with a query of its own is to be percent-encoded",
            )
    if contexts:
        values["defaultContext"] = contexts
    relationship, accept = values.get("verificationRelationship"), values.get("accept")
    if isinstance(accept, str) and len(accept) > _LONGEST_ACCEPT:
        raise _invalid(f"accept is longer than {_LONGEST_ACCEPT} characters", None)
    return Options(
        at=_version(values),
        expand=values.get("expandRelativeUrls") is True,
        fresh=values.get("noCache") is True,
        relationship=relationship if isinstance(relationship, str) else None,
        accept=accept if isinstance(accept, str) else None,
        key=_key_options(values) if any(name in values for name in _KEY_OPTIONS) else None,
    )


def _version(values: dict[str, Json]) -> str | datetime | None:
    version_id, version_time = (values.get(name) for name in VERSION_OPTIONS)
    if version_id is not None and version_time is not None:
        raise _invalid("versionId and versionTime are two ways to name one thing", None)
    return read_time(version_time) if isinstance(version_time, str) else _or_none(version_id)


def read_time(text: str) -> datetime:
    """The ``versionTime`` that ``text`` is: in UTC and whole seconds, as 2026-01-31T12:00:00Z.

    Raises:
        Invalid: ``invalid_time``; ``invalid_options``: it is written in another way (section 3.1).
    """
    time = parse_time(text)
    if format_time(time) != text or time.microsecond:
        raise _invalid("versionTime is not in UTC and whole seconds, as 2026-01-31T12:00:00Z", text)
    return time


def _or_none(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _key_options(values: dict[str, Json]) -> KeyOptions:
    derived = values.get("enableEncryptionKeyDerivation")
    return KeyOptions(
        public_key_format=_or_none(values.get("publicKeyFormat")) or DEFAULTS.public_key_format,
        enable_encryption_key_derivation=(
            DEFAULTS.enable_encryption_key_derivation if derived is None else derived is True
        ),
        enable_experimental_public_key_types=values.get("enableExperimentalPublicKeyTypes") is True,
        default_context=_contexts(values.get("defaultContext")),
    )


def _contexts(value: Json) -> tuple[str, ...]:
    """did:key has it begin with the context of DIDs; contexts are named here, never fetched."""
    if value is None:
        return DEFAULTS.default_context
    assert isinstance(value, list)
    urls = tuple(url for url in value if isinstance(url, str) and url.startswith("https://"))
    if len(urls) != len(value) or len(urls) > _MOST_CONTEXTS:
        raise _invalid(f"defaultContext is not a list of at most {_MOST_CONTEXTS} https URLs", None)
    if urls[0] not in (DID_CONTEXT, NEWER_DID_CONTEXT):
        raise _invalid(f"defaultContext does not begin with {DID_CONTEXT}", urls[0])
    return urls


def _flag(name: str, value: Json) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise _invalid(f"{name} is neither true nor false", name)
    return value == "true"


def _text(name: str, value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise _invalid(f"{name} is not a text", name)
    return value


def _invalid(why: str, value: object) -> Invalid:
    return Invalid("invalid_options", why, value=value, hint="correct the options")
