"""The exchange: a question is made, a device fetches it and answers, the asker learns the outcome.

What an answer goes through, in this order:

1. The request is known, has not ended and has not expired.
2. The answer travels as was asked: encrypted or not.
3. Its ``state`` is the request's.
4. Every presentation answers a query by its id, is of that format, and holds one credential, which
   is what the query asks for; together they are what was asked for.
5. The verifier's own pipeline (``verifier.verifier``), with the request's nonce as challenge and
   the full client id as audience.

Up to the use of the nonce (step 5 of the pipeline) nobody has proven anything, and the request
stays open. From then on it has ended, whatever the outcome: also where the process that was to say
so died in between, which is found when the request is looked at next. Such an outcome is undecided.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from did.jcs import Json, JsonObject
from did.openid4vp.dcql import CredentialQuery, Query
from did.openid4vp.formats import SUPPORTED, candidate, from_entry
from did.openid4vp.link import FetchMethod, RequestLink
from did.openid4vp.request import AuthorizationRequest, ResponseMode, sign_request
from did.openid4vp.response import ErrorResponse, VpResponse, VpToken
from did.openid4vp.selection import Candidate, check_satisfied
from did.vc.formats import Format, read_presentation
from keyborn import problem
from verifier.conclusion import AuthenticatedDevice
from verifier.decision import Check, Outcome, Trail, outcome_of
from verifier.openid4vp.identity import Identity
from verifier.openid4vp.requests import Request, Requests, Status
from verifier.verifier import Verifier

REQUESTS_PATH: Final = "/openid4vp/requests"
RESPONSES_PATH: Final = "/openid4vp/responses"

_STEP: Final = "answer"
_CODE_BYTES: Final = 32
_ANOTHER: Final = "have the verifier make another request"
_STATUSES: Final = {
    Outcome.INVALID: Status.INVALID,
    Outcome.REFUSED: Status.REFUSED,
    Outcome.UNDECIDED: Status.UNDECIDED,
}


class UnknownRequest(Refused):
    """There is no request of that name, or not for who asks."""


class EndedRequest(Conflict):
    """The request has ended or expired."""


class SpentRequest(Undecided):
    """What could not be found out, of a request that has ended with it: to repeat it is no use."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a verifier asks devices with.

    Attributes:
        verifier: Whose name is the identity's client id.
        identity: Who signs requests.
        requests: Where they are kept.
        url: Where devices reach this service, with no trailing slash.
    """

    verifier: Verifier
    identity: Identity
    requests: Requests
    url: str

    def begin(
        self,
        query: Query,
        *,
        at: datetime,
        mode: ResponseMode = ResponseMode.DIRECT_POST,
        redirect_uri: str | None = None,
    ) -> tuple[Request, str]:
        """Ask ``query`` once; the request, and the secret for its outcome."""
        challenge = self.verifier.challenge(at=at)
        return self.requests.begin(challenge, query, mode=mode, redirect_uri=redirect_uri, at=at)

    def link(self, request: Request) -> RequestLink:
        """What a device is asked with."""
        uri = f"{self.url}{REQUESTS_PATH}/{request.id}"
        return RequestLink(self.identity.client_id.text, uri, method=FetchMethod.POST)

    def request_object(self, id_: str, *, wallet_nonce: str | None, at: datetime) -> str:
        """The signed request object of the request ``id_``, for who fetches it.

        Raises:
            UnknownRequest: ``unknown_request``.
            EndedRequest: ``request_ended``.
        """
        request = self._open(id_, at)
        asked = AuthorizationRequest(
            client_id=self.identity.client_id,
            response_uri=f"{self.url}{RESPONSES_PATH}/{request.id}",
            mode=request.mode,
            nonce=request.challenge.nonce,
            query=request.query,
            state=request.state,
            formats=SUPPORTED,
            encryption=None if request.encryption is None else request.encryption.public_jwk(),
            wallet_nonce=wallet_nonce,
            issued=at,
            expires=request.challenge.expires,
        )
        return sign_request(asked, self.identity.signer, method=self.identity.method)

    def answer(
        self,
        id_: str,
        read: Callable[[Request], VpResponse | ErrorResponse],
        *,
        at: datetime,
    ) -> str | None:
        """Take an answer; where the holder goes next, if anywhere.

        Args:
            id_: The request's.
            read: Reads the answer, as the request's mode has it.
            at: Now.

        Raises:
            UnknownRequest: ``unknown_request``.
            EndedRequest: ``request_ended``.
            Invalid: ``wrong_state``, ``invalid_vp_token``, or as ``read``.
            SpentRequest: It could not be found out whether the answer holds, and its nonce is used.
            KeybornError: As ``verifier.verifier``, for an answer that admits nobody.
        """
        request = self._open(id_, at)
        response = read(request)
        if not hmac.compare_digest((response.state or "").encode(), request.state.encode()):
            raise Invalid(
                "wrong_state",
                "the answer's state is not that of the request",
                step=_STEP,
                hint="send back the state of the request object, as it is",
            )
        if isinstance(response, ErrorResponse):
            said = response.to_json()
            del said["state"]
            return self._finish(request, Status.DECLINED, said)
        try:
            presentations = _presentations(request.query, response.vp_token)
        except KeybornError as error:
            raise error.at(_STEP) from error
        with self.requests.deciding(request):
            return self._decide(request, presentations, response.vp_token, at)

    def outcome(
        self, id_: str, secret: str, *, response_code: str | None, at: datetime
    ) -> JsonObject:
        """Where a request stands, for who has its secret and, where one was given, its code.

        Raises:
            UnknownRequest: ``unknown_request``.
            Refused: ``wrong_response_code``.
        """
        request = self.requests.find_secret(id_, secret)
        if request is None:
            raise _unknown()
        request = self._healed(request)
        status = request.status
        if status is Status.PENDING and at >= request.challenge.expires:
            status = Status.EXPIRED
        if request.response_code is not None:
            given = (response_code or "").encode("utf-8", "surrogatepass")
            if not hmac.compare_digest(given, request.response_code.encode()):
                raise Refused(
                    "wrong_response_code",
                    "the outcome is for who comes back with the response code",
                    hint="take response_code from the URL that the holder was sent to",
                )
        return {"id": request.id, "status": status.value, **request.result}

    def _open(self, id_: str, at: datetime) -> Request:
        request = self.requests.find(id_)
        if request is None:
            raise _unknown()
        request = self._healed(request)
        if request.status is not Status.PENDING or at >= request.challenge.expires:
            raise _ended()
        return request

    def _healed(self, request: Request) -> Request:
        """``request``, ended if it was answered by then and who decided on it was killed."""
        if (
            request.status is not Status.PENDING
            or not self.verifier.was_answered(request.challenge)
            or self.requests.is_being_decided(request)
        ):
            return request
        self.requests.finish(request, Status.UNDECIDED, _problem(_interrupted()))
        return self.requests.find(request.id) or request

    def _decide(
        self,
        request: Request,
        presentations: list[tuple[bytes, Format]],
        token: VpToken,
        at: datetime,
    ) -> str | None:
        trail = Trail()
        try:
            device = self.verifier.verify_all(
                presentations, challenge=request.challenge, at=at, trail=trail
            )
        except KeybornError as error:
            if not any(_used(step.check, step.outcome) for step in trail.steps):
                raise
            final = _spent(error)
            # Who answered is sent nowhere, and so takes no code along.
            self.requests.finish(request, _STATUSES[outcome_of(error)], _problem(final))
            raise final from error
        return self._finish(request, Status.ACCEPTED, _result(device, token))

    def _finish(self, request: Request, status: Status, result: JsonObject) -> str | None:
        redirected = request.redirect_uri is not None
        code = secrets.token_urlsafe(_CODE_BYTES) if redirected else None
        if not self.requests.finish(request, status, result, code=code):
            raise _ended()
        if request.redirect_uri is None:
            return None
        joint = "&" if "?" in request.redirect_uri else "?"
        return f"{request.redirect_uri}{joint}response_code={code}"


def _presentations(query: Query, token: VpToken) -> list[tuple[bytes, Format]]:
    """The presentations of an answer, which is by its form what was asked for."""
    presented: dict[str, list[Candidate]] = {}
    found: list[tuple[bytes, Format]] = []
    for id_, entries in token.items():
        one = query.credential(id_)
        presented[id_] = []
        for entry in entries if one is not None else ():
            assert one is not None
            secured, shown = _presentation(one, entry)
            found.append(secured)
            presented[id_].append(shown)
    check_satisfied(query, presented)
    return found


def _presentation(
    query: CredentialQuery, entry: JsonObject | str
) -> tuple[tuple[bytes, Format], Candidate]:
    data, format_ = from_entry(entry, query.format)
    parsed = read_presentation(data, format_)
    if len(parsed.credentials) != 1:
        raise Invalid(
            "invalid_vp_token",
            "a presentation in a vp_token holds the one credential that its query asks for",
            step=_STEP,
            value=query.id,
            hint="present each credential by itself",
        )
    return (data, format_), candidate(query.id, parsed.credentials[0])


def _result(device: AuthenticatedDevice, token: VpToken) -> JsonObject:
    documents = iter(device.credentials)
    shown: dict[str, Json] = {
        id_: [next(documents).document for _ in entries] for id_, entries in token.items()
    }
    return {
        "device": device.to_json(),
        "decision": device.decision.to_json(),
        "credentials": shown,
    }


def _used(check: Check, outcome: Outcome) -> bool:
    return check is Check.SINGLE_USE and outcome is Outcome.HELD


def _problem(error: KeybornError) -> JsonObject:
    return {"problem": problem.details(error, problem.status_of(error))}


def _spent(error: KeybornError) -> KeybornError:
    """``error``, as it is of a request that has ended: what was undecided is not tried again."""
    if not isinstance(error, Undecided | Unavailable):
        return error
    return SpentRequest(
        error.code, error.message, step=error.step, value=error.value, hint=_ANOTHER
    )


def _interrupted() -> SpentRequest:
    return SpentRequest(
        "answer_interrupted",
        "the verifier was stopped while it decided on the answer",
        step=_STEP,
        hint=_ANOTHER,
    )


def _unknown() -> UnknownRequest:
    return UnknownRequest(
        "unknown_request",
        "there is no such request here",
        hint="check the id and the secret; a request is kept for an hour after it ends",
    )


def _ended() -> EndedRequest:
    return EndedRequest(
        "request_ended",
        "the request was answered, or has expired; it counts once",
        hint=_ANOTHER,
    )
