"""What is presented, shown to the operator first, and brought to the verifier.

Nothing is presented that is not asked for, and never what is for the device alone. Each credential
goes into a presentation of its own, signed for the full client id and the nonce of the request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx

from devices.openid4vp.requests import UnanswerableError
from did.errors import KeybornError, Refused
from did.identifier import KeybornDid
from did.jcs import Json, JsonObject, canonicalize
from did.jose import encrypt_jwe
from did.keys import Signer
from did.openid4vp.client_id import parse_client_id
from did.openid4vp.formats import accepts, candidate, to_entry
from did.openid4vp.request import AuthorizationRequest
from did.openid4vp.response import ErrorResponse, VpResponse
from did.openid4vp.selection import Candidate, Match, Pick, select
from did.vc.credential import CONFIGURATION, Credential
from did.vc.formats import secure_presentation
from keyborn.client import request_json
from keyborn.oauth_errors import description, explained

_SELECT: Final = "select credentials"
_PRESENT: Final = "present"
_TELL: Final = "tell the verifier"

# OpenID4VP 1.0, section 8.5; RFC 6749, section 4.1.2.1. Others are ``invalid_request``.
_ERRORS: Final[Mapping[str, str]] = {
    "unsupported_response_type": "unsupported_response_type",
    "invalid_scope": "invalid_scope",
    "invalid_transaction_data": "invalid_transaction_data",
    "formats_not_accepted": "vp_formats_not_supported",
    "no_matching_credential": "access_denied",
    "not_confirmed": "access_denied",
}


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a device has to present.

    Attributes:
        did: Who presents.
        signer: Its current key.
        credentials: By the device's names for them.
    """

    did: KeybornDid
    signer: Signer
    credentials: Mapping[str, Credential]

    def candidates(self) -> tuple[Candidate, ...]:
        """What may be presented: no configuration credential, whatever it is called."""
        return tuple(
            candidate(name, each)
            for name, each in self.credentials.items()
            if CONFIGURATION not in each.types
        )


def choose(
    request: AuthorizationRequest, holdings: Holdings, *, optional: bool
) -> tuple[Pick, ...]:
    """What answers ``request``.

    Raises:
        UnanswerableError: ``no_matching_credential``, ``formats_not_accepted``.
    """
    candidates = holdings.candidates()
    taken = [each for each in candidates if accepts(request.formats, each.format)]
    try:
        if candidates and not taken:
            raise Refused(
                "formats_not_accepted",
                "the verifier takes none of the formats that the device has credentials in",
                hint="ask the verifier's operator for one of the formats in docs/reference",
            )
        picks = select(request.query, taken, optional=optional)
        if not picks:
            raise Refused(
                "no_matching_credential",
                "the query requires nothing, so there is nothing to present",
                hint="with --optional the device presents what is asked for and not required",
            )
    except KeybornError as error:
        raise UnanswerableError(error.at(_SELECT), request.response_uri, request.state) from error
    return picks


def shown(request: AuthorizationRequest, picks: Sequence[Pick]) -> JsonObject:
    """Who asks, and what would be presented, for people."""
    presented: list[Json] = [_shown(pick, match) for pick in picks for match in pick.matches]
    return {
        "verifier": request.client_id.name,
        "response_uri": request.response_uri,
        "presents": presented,
    }


def shown_instead(client_id: str, failed: UnanswerableError) -> JsonObject:
    """As ``shown``, where nothing is presented: who asks, and why not."""
    return {
        "verifier": parse_client_id(client_id).name,
        "response_uri": failed.response_uri,
        "presents": [],
        "because": failed.cause.message,
    }


def answer(
    request: AuthorizationRequest, picks: Sequence[Pick], holdings: Holdings, *, at: datetime
) -> VpResponse:
    """The answer to ``request`` with ``picks``.

    Raises:
        UnanswerableError: ``invalid_nonce``: a format cannot carry the request's nonce.
    """
    try:
        token = {
            pick.query.id: tuple(
                _entry(request, pick, match, holdings, at=at) for match in pick.matches
            )
            for pick in picks
        }
    except KeybornError as error:
        raise UnanswerableError(error.at(_PRESENT), request.response_uri, request.state) from error
    return VpResponse(token, request.state)


def deliver(http: httpx.Client, request: AuthorizationRequest, response: VpResponse) -> JsonObject:
    """Bring ``response`` to the verifier; what it answers, where it takes it.

    Raises:
        Refused: The verifier says no.
        Undecided: It could not find out.
        Invalid: It says that the answer is malformed; ``invalid_answer``;
            ``invalid_encryption_key``.
        KeybornError: As ``keyborn.client.request``.
    """
    form = response.to_form()
    if request.encryption is not None:
        form = {"response": encrypt_jwe(canonicalize(response.to_json()), request.encryption)}
    return _post(http, request.response_uri, form, step=_PRESENT)


def tell(http: httpx.Client, failed: UnanswerableError) -> None:
    """Tell the verifier that it gets no answer, and no more than that of what the device has."""
    assert failed.response_uri is not None
    error = _ERRORS.get(failed.cause.code, "invalid_request")
    # Whether a credential is missing, its values differ or nobody agreed, is not its business.
    said = None if error == "access_denied" else description(failed.cause)
    form = ErrorResponse(error, said, failed.state).to_form()
    _post(http, failed.response_uri, form, step=_TELL)


def _post(http: httpx.Client, url: str, form: Mapping[str, str], *, step: str) -> JsonObject:
    try:
        return request_json(http, "POST", url, step=step, form=form)
    except KeybornError as error:
        raise explained(error, hint="ask the verifier's operator what it misses") from error


def _entry(
    request: AuthorizationRequest, pick: Pick, match: Match, holdings: Holdings, *, at: datetime
) -> JsonObject | str:
    held = holdings.credentials[match.candidate.name]
    if not pick.query.holder_binding:
        return to_entry(held.to_bytes(), held.format)
    presentation = secure_presentation(
        [(held.to_bytes(), held.format)],
        holdings.signer,
        holder=holdings.did,
        challenge=request.nonce,
        audience=request.client_id.text,
        created=at,
        expires=request.expires,  # by the verifier's clock, which need not be the device's
        format=held.format,
    )
    return to_entry(presentation, held.format)


def _shown(pick: Pick, match: Match) -> JsonObject:
    return {
        "query": pick.query.id,
        "credential": match.candidate.name,
        "format": match.candidate.format,
        "asked_for": [".".join("*" if x is None else str(x) for x in c.path) for c in match.claims],
    }


def not_confirmed() -> Refused:
    """The operator, asked, said no."""
    return Refused(
        "not_confirmed",
        "nothing was presented, as you said",
        step=_PRESENT,
        hint="answer again, and say yes; or give --yes",
    )
