"""The answer to a request (OpenID4VP 1.0, section 8): a VP token, or an error.

It travels as a form (``direct_post``), or as an object that was encrypted (``direct_post.jwt``).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.strict_json import parse_object

FORM: Final = "application/x-www-form-urlencoded"

_TEXT: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", re.ASCII)  # RFC 6749, section 4.1.2.1
_DESCRIPTION: Final = 1_000

VpToken = Mapping[str, tuple[JsonObject | str, ...]]
"""Presentations by the ids of the queries that they answer; each an object or a text, by format."""


@dataclass(frozen=True, slots=True)
class VpResponse:
    """Presentations; ``state`` is the request's, if it had one."""

    vp_token: VpToken
    state: str | None = None

    def to_json(self) -> JsonObject:
        """As an object, to be encrypted."""
        token: JsonObject = {id_: list(each) for id_, each in self.vp_token.items()}
        value: JsonObject = {"vp_token": token}
        return value if self.state is None else {**value, "state": self.state}

    def to_form(self) -> dict[str, str]:
        """As the fields of a form; what is no text is JSON."""
        return _form(self.to_json())


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """The holder presents nothing; ``error`` and ``description`` as in RFC 6749, 4.1.2.1."""

    error: str
    description: str | None = None
    state: str | None = None

    def to_json(self) -> JsonObject:
        """As an object."""
        value = {
            "error": self.error,
            "error_description": self.description,
            "state": self.state,
        }
        return {name: text for name, text in value.items() if text is not None}

    def to_form(self) -> dict[str, str]:
        """As the fields of a form."""
        return _form(self.to_json())


def parse_form(fields: Mapping[str, str]) -> VpResponse | ErrorResponse:
    """The answer that the fields of a form are; unknown ones are ignored.

    Raises:
        Invalid: ``invalid_response``, ``invalid_vp_token``, or as ``did.strict_json.parse``.
    """
    value: dict[str, Json] = {**fields}
    if "vp_token" in fields:
        value["vp_token"] = parse_object(fields["vp_token"].encode("utf-8", "surrogatepass"))
    return parse_response(value)


def parse_response(value: JsonObject) -> VpResponse | ErrorResponse:
    """The answer that an object is; raises as ``parse_form``."""
    state, error, token = value.get("state"), value.get("error"), value.get("vp_token")
    if not isinstance(state, str | None) or (state is None and "state" in value):
        raise _invalid("its state is not a text")
    if error is not None:
        if token is not None:
            raise _invalid("it is an error, and has a vp_token too")
        if (
            not isinstance(error, str)
            or len(error) > LIMITS.challenge
            or not _TEXT.fullmatch(error)
        ):
            raise _invalid("its error is not a text of some ASCII characters")
        said = value.get("error_description")
        return ErrorResponse(error, said[:_DESCRIPTION] if isinstance(said, str) else None, state)
    if token is None:
        raise _invalid("it has neither a vp_token nor an error")
    return VpResponse(_vp_token(token), state)


def _vp_token(value: Json) -> VpToken:
    if not isinstance(value, dict) or not value:
        raise _token("it is not an object with an entry for each query that is answered")
    found: dict[str, tuple[JsonObject | str, ...]] = {}
    for id_, entry in value.items():
        if not isinstance(entry, list) or not entry:
            raise _token("the presentations of a query are not a non-empty array", id_)
        if len(entry) > LIMITS.credentials_in_presentation:
            raise _token(
                f"a query has more than {LIMITS.credentials_in_presentation} presentations", id_
            )
        presentations = tuple(each for each in entry if isinstance(each, dict | str))
        if len(presentations) != len(entry):
            raise _token("a presentation is neither an object nor a text", id_)
        found[id_] = presentations
    return found


def _form(value: JsonObject) -> dict[str, str]:
    return {
        name: each if isinstance(each, str) else json.dumps(each, separators=(",", ":"))
        for name, each in value.items()
    }


def _invalid(problem: str) -> Invalid:
    return Invalid("invalid_response", f"the answer is not one of OpenID4VP 1.0: {problem}")


def _token(problem: str, value: object = None) -> Invalid:
    return Invalid("invalid_vp_token", f"the vp_token is malformed: {problem}", value=value)
