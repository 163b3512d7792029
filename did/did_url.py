"""DID URLs of every shape: a DID, and a path, a query and a fragment (DID Core 1.0, section 3.2).

Taken apart, not decoded beyond their parameters; what they lead to is ``did.dereference``'s.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from did.errors import Invalid, shorten

_IDCHAR: Final = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})"
# Any method's: its name, and its id (section 3.1).
DID: Final = re.compile(rf"did:([a-z0-9]+):((?:{_IDCHAR}*:)*{_IDCHAR}+)", re.ASCII)

_LONGEST: Final = 2_048
_PCHAR: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_PATH = re.compile(rf"(?:/{_PCHAR}*)*", re.ASCII)
_QUERY = re.compile(rf"(?:{_PCHAR}|[/?])*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parts:
    """A DID URL, taken apart.

    Attributes:
        did: What comes before path, query and fragment; not parsed yet.
        path: With its leading slash; empty where there is none.
        parameters: The query's, decoded, each once.
        fragment: As it stands, without the ``#``; None where there is none.
    """

    did: str
    path: str
    parameters: Mapping[str, str]
    fragment: str | None

    @property
    def is_did(self) -> bool:
        """Whether it is a DID alone."""
        return not self.path and not self.parameters and self.fragment is None


def take_apart(text: str) -> Parts:
    """The parts of ``text``; where it has none beside the DID, the DID is not looked at.

    Raises:
        Invalid: ``invalid_did_url``: too long; characters that have no place there; a parameter
            that is given twice, which no reader could be sure of.
    """
    if len(text) > _LONGEST:
        raise Invalid("invalid_did_url", f"a DID URL is longer than {_LONGEST} characters")
    before, hash_sign, fragment = text.partition("#")
    rest, question_mark, query = before.partition("?")
    did, slash, path = rest.partition("/")
    path = slash + path
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query) or not _QUERY.fullmatch(fragment):
        raise _invalid("has characters that have no place in it", text)
    if (hash_sign and not fragment) or (question_mark and not query):
        raise _invalid("ends where a query or a fragment is due", text)
    return Parts(did, path, _parameters(query, text), fragment if hash_sign else None)


def is_did_url(text: str) -> bool:
    """Whether ``text`` is a DID URL, or a DID, of any method."""
    try:
        return DID.fullmatch(take_apart(text).did) is not None
    except Invalid:
        return False


def absolute(reference: str, did: str) -> str:
    """``reference`` as a document of ``did`` means it: relative ones begin with the DID (3.2.2)."""
    return f"{did}{reference}" if reference.startswith(("#", "/", "?")) else reference


def _parameters(query: str, text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        try:
            key, decoded = (unquote(part, errors="strict") for part in (name, value))
        except UnicodeDecodeError as error:
            raise _invalid("has a parameter that is not UTF-8", text) from error
        if key in found:
            raise _invalid(f"has the parameter {shorten(key)} twice", text)
        found[key] = decoded
    return found


def _invalid(what: str, text: str) -> Invalid:
    hint = "write <did>, and then /path, ?name=value and #fragment, percent-encoded where needed"
    return Invalid("invalid_did_url", f"the DID URL {what}", value=text, hint=hint)
