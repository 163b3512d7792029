"""A verifier's request, fetched and verified before anything in it is believed.

1. Link: who asks is named by a DID whose key this device can tell, and is the one that the operator
   pinned, if one was. A did:web is one only where the operator said so.
2. Fetch: over TLS, or on this machine; with a nonce of the device's own, where the link says POST.
3. Request object: ``typ``, ``alg``, whose key signed; its ``client_id`` is the link's.
4. Key: it is the current one of that DID (a ``did:key`` is its key; the log says of a
   ``did:keyborn``, its host of a ``did:web``).
5. Signature.
6. The device's nonce came back.
7. Place: ``response_uri`` is of the origin that the request came from.
8. Parameters: as ``did.openid4vp.request`` has it; the request has begun and has not ended.

Who fails up to step 6 is told nothing: it is not known who that is; nor is anything sent to a
place that fails step 7. What is wrong in step 8 can be told to the verifier
(``UnanswerableError``), which proved who it is.

Not checked: who has shown or sent the link. Somebody can have a device answer a verifier's true
request that was made for himself; only where the device is brought to the verifier, and not the
verifier's link to the device, is that ruled out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import httpx

from did.errors import Invalid, KeybornError, Refused
from did.identifier import Did, DidUrl
from did.jcs import JsonObject
from did.keys import PublicKey
from did.limits import LIMITS
from did.openid4vp.client_id import parse_client_id
from did.openid4vp.link import FetchMethod, RequestLink, check_answered_at, check_url, origin
from did.openid4vp.request import (
    REQUEST_TYPE,
    AuthorizationRequest,
    SignedRequest,
    open_request,
    read_request,
)
from did.timestamps import format_time
from did.web_identifier import WebDid
from keyborn.client import request as call
from keyborn.oauth_errors import explained

CLOCK_SKEW: Final = timedelta(seconds=60)

_LINK: Final = "link"
_FETCH: Final = "fetch the request"
_VERIFY: Final = "verify the request"
_READ: Final = "read the request"


class UnanswerableError(Exception):
    """A request that its verifier signed, and that cannot be answered as it is.

    Attributes:
        cause: Why not.
        response_uri: Where the verifier wants to be told, if it can be.
        state: What it wants back.
    """

    def __init__(self, cause: KeybornError, response_uri: str | None, state: str | None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.response_uri = response_uri
        self.state = state


@dataclass(frozen=True, slots=True)
class Fetching:
    """How a device gets at requests.

    Attributes:
        connect: A client for the service at an origin (``https://host[:port]``).
        key: The current key that a DID URL names, of a DID that the device can resolve.
        nonce: Fresh random text.
        at: Now.
        web: Whether ``key`` asks the host of a did:web.
    """

    connect: Callable[[str], httpx.Client]
    key: Callable[[DidUrl], PublicKey]
    nonce: Callable[[], str]
    at: datetime
    web: bool = False

    def obtain(self, link: RequestLink, *, pinned: Did | None) -> AuthorizationRequest:
        """The request behind ``link``, by the steps above.

        Raises:
            UnanswerableError: At steps 7 and 8.
            KeybornError: Before that.
        """
        try:
            asked_by = parse_client_id(link.client_id).did()
            if not self.web:
                _check_method(asked_by)
            _check_pinned(asked_by, pinned)
            if link.request_uri is not None:
                check_url(link.request_uri, "request_uri")
        except KeybornError as error:
            raise error.at(_LINK) from error
        wallet_nonce = self.nonce() if link.method is FetchMethod.POST else None
        token = link.request or self._fetch(link, wallet_nonce)
        try:
            signed = self._verified(token, link)
            _check_own_nonce(signed.jws.payload, wallet_nonce)
        except KeybornError as error:
            raise error.at(_VERIFY) from error
        try:
            request = read_request(signed.jws.payload)
            check_answered_at(request.response_uri, link, named=pinned is not None)
            _check_time(request, self.at)
        except KeybornError as error:
            failed = error.at(_READ)
            where = _told_at(signed.jws.payload, link, named=pinned is not None)
            state = signed.jws.payload.get("state")
            told = state if isinstance(state, str) else None
            raise UnanswerableError(failed, where, told) from error
        return request

    def _fetch(self, link: RequestLink, wallet_nonce: str | None) -> str:
        assert link.request_uri is not None  # a link has one of the two
        http = self.connect(origin(link.request_uri))
        form = None if wallet_nonce is None else {"wallet_nonce": wallet_nonce}
        try:
            answer = call(
                http,
                "GET" if form is None else "POST",
                link.request_uri,
                step=_FETCH,
                form=form,
                headers={"accept": REQUEST_TYPE},
                max_bytes=LIMITS.request_object,
            )
        except KeybornError as error:
            raise explained(error, hint="ask the verifier for a new link") from error
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != REQUEST_TYPE:
            raise Invalid(
                "invalid_answer",
                "what answers at request_uri is no request object",
                step=_FETCH,
                value=media_type,
                hint="check that the link is that of an OpenID4VP 1.0 verifier",
            )
        return answer.body.decode("ascii", "replace")

    def _verified(self, token: str, link: RequestLink) -> SignedRequest:
        signed = open_request(token)
        if signed.client_id.text != link.client_id:
            raise Refused(
                "client_id_mismatch",
                "the request is of another verifier than its link says",
                value=signed.client_id.text,
                hint="do not answer it; ask the verifier that you mean for a link",
            )
        signed.jws.verify(self.key(signed.method))
        return signed


def _check_method(asked_by: Did) -> None:
    if isinstance(asked_by, WebDid):
        raise Invalid(
            "method_not_supported",
            "the verifier is named by a did:web, and no host is asked unbidden which keys it has",
            value=asked_by.text,
            hint="if its host is to be believed, answer with --did-web; else have the verifier ask"
            " by a did:key, or by a DID on the log",
        )


def _check_pinned(asked_by: Did, pinned: Did | None) -> None:
    if pinned is not None and asked_by.canonical != pinned.canonical:
        raise Refused(
            "other_verifier",
            "the request is of another verifier than the one that was named",
            value=asked_by.text,
            hint="do not answer it; ask the verifier that you mean for a link",
        )


def _check_own_nonce(payload: JsonObject, wallet_nonce: str | None) -> None:
    if wallet_nonce is not None and payload.get("wallet_nonce") != wallet_nonce:
        raise Refused(
            "wallet_nonce_mismatch",
            "the request was not made for this device's asking: it may be an old one",
            hint="ask the verifier for a new link",
        )


def _check_time(request: AuthorizationRequest, at: datetime) -> None:
    if request.expires is not None and at >= request.expires + CLOCK_SKEW:
        raise Refused(
            "request_expired",
            "the request has ended",
            value=format_time(request.expires),
            hint="ask the verifier for a new link; check the device's clock",
        )
    for begins in (request.begins, request.issued):
        if begins is not None and begins > at + CLOCK_SKEW:
            raise Refused(
                "request_not_yet_valid",
                "the request begins in the future",
                value=format_time(begins),
                hint="check the device's clock",
            )


def _told_at(payload: JsonObject, link: RequestLink, *, named: bool) -> str | None:
    try:
        url = check_url(payload.get("response_uri"), "response_uri")
        return check_answered_at(url, link, named=named)
    except KeybornError:
        return None
