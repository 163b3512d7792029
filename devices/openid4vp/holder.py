"""A device answers a verifier's link: fetched, verified, shown, presented, reported.

Whoever is to agree is asked before the verifier hears anything, an error included: else who asks
would learn from an answer that comes at once that a value differs (OpenID4VP 1.0, section 15.4.1).
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from devices.agent import Agent
from devices.openid4vp.answering import (
    Holdings,
    answer,
    choose,
    deliver,
    not_confirmed,
    shown,
    shown_instead,
    tell,
)
from devices.openid4vp.requests import Fetching, UnanswerableError
from did.errors import KeybornError
from did.identifier import Did, DidUrl, KeyDid
from did.jcs import JsonObject
from did.keys import PublicKey
from did.openid4vp.link import RequestLink, is_web_url, origin
from did.openid4vp.request import AuthorizationRequest
from did.resolution import Finality, Resolver, authenticating_version
from did.vc.formats import credential_in
from did.web_document import AUTHENTICATION, WebDocument
from did.web_identifier import WebDid

if TYPE_CHECKING:
    import httpx

_NONCE_BYTES: Final = 32


def answer_link(
    agent: Agent,
    link: RequestLink,
    *,
    resolver: Callable[[], Resolver],
    web: Callable[[WebDid], WebDocument] | None = None,
    pinned: Did | None = None,
    optional: bool = False,
    agree: Callable[[JsonObject], bool] = lambda _shown: True,
) -> JsonObject:
    """Answer ``link`` with what it asks for, and report what was presented to whom.

    Args:
        agent: The device.
        link: What it is asked with.
        resolver: Of the device's log, opened where the verifier's DID is on it.
        web: Fetches the document of a did:web; None where no such verifier is answered.
        pinned: The one verifier to answer; None for whoever proves to be who the link says.
        optional: Whether to present what is asked for and not required.
        agree: Given what would be presented (``devices.openid4vp.answering.shown``). Where there
            is nothing that answers, given that and why, before the verifier is told; it is told
            the same as after a No, whatever is said then.

    Raises:
        KeybornError: As ``devices.openid4vp.requests`` and ``answering``; the verifier has been
            told, where it proved who it is.
    """

    def connect(url: str) -> "httpx.Client":
        http = agent.connections.to(url)
        http.headers.pop("user-agent", None)  # says what kind of wallet this is (section 15.8)
        return http

    at = agent.now()
    credential = credential_in(agent.credential())
    fetching = Fetching(
        connect=connect,
        key=lambda method: _key(method, resolver, web),
        nonce=lambda: secrets.token_urlsafe(_NONCE_BYTES),
        at=at,
        web=web is not None,
    )
    holdings = Holdings(agent.did, agent.controller.signer, {"provisioning": credential})
    try:
        try:
            request = fetching.obtain(link, pinned=pinned)
            picks = choose(request, holdings, optional=optional)
        except UnanswerableError as failed:
            if failed.response_uri is not None:
                agree(shown_instead(link.client_id, failed))
            raise
        said = shown(request, picks)
        _check_agreed(request, agreed=agree(said))
        response = answer(request, picks, holdings, at=at)
    except UnanswerableError as failed:
        if failed.response_uri is not None:
            with suppress(KeybornError):  # what went wrong first is what counts
                tell(connect(origin(failed.response_uri)), failed)
        raise failed.cause from failed
    answered = deliver(connect(origin(request.response_uri)), request, response)
    redirect = answered.get("redirect_uri")
    # It is for a browser to open, so it is no other kind of URL, whatever that would do.
    usable = isinstance(redirect, str) and is_web_url(redirect)
    return {**said, "continue_at": redirect} if usable else said


def _check_agreed(request: AuthorizationRequest, *, agreed: bool) -> None:
    if not agreed:
        raise UnanswerableError(not_confirmed(), request.response_uri, request.state)


def _key(
    method: DidUrl,
    resolver: Callable[[], Resolver],
    web: Callable[[WebDid], WebDocument] | None,
) -> PublicKey:
    """The key that ``method`` names, if it is its DID's current one."""
    if isinstance(method.did, WebDid) and web is not None:
        return web(method.did).key(method, AUTHENTICATION)
    key = method.key()
    if not isinstance(method.did, KeyDid):
        resolution = resolver().resolve(method.did.canonical)
        authenticating_version(resolution, key, finality=Finality.FINALIZED, step="verifier's DID")
    return key
