"""Presenting: a verifier asks, the device answers with its credential, signed for that question.

What is checked before anything is signed: that the challenge is of the verifier that was asked, so
that nobody can have a device answer somebody else's question; and that nothing is presented which
is for the device alone.
"""

from dataclasses import dataclass
from datetime import datetime

import httpx

from did.challenge import Challenge
from did.errors import Invalid, KeybornError, Refused
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.keys import Signer
from did.vc.credential import CONFIGURATION
from did.vc.enveloping import PRESENTATION
from did.vc.formats import Format, credential_in, media_type, secure_presentation
from keyborn.client import request_json


def ask(http: httpx.Client, did: KeybornDid, *, audience: str) -> Challenge:
    """Have a verifier ask ``did`` something.

    Args:
        http: A client for the verifier's URL.
        did: Who will answer.
        audience: The verifier's name: its URL, unless it is called otherwise.

    Raises:
        Refused: ``wrong_audience``: the challenge is another verifier's.
        Invalid: ``invalid_challenge``.
        KeybornError: as ``keyborn.client.request``.
    """
    step = "challenge"
    asked = request_json(http, "POST", "v1/challenges", step=step, json={"did": did.canonical.text})
    try:
        challenge = Challenge.from_json(asked)
        check_audience(challenge, audience)
    except KeybornError as error:
        raise error.at(step) from error
    return challenge


def check_audience(challenge: Challenge, audience: str) -> None:
    """Return if ``challenge`` is of the verifier that calls itself ``audience``.

    Raises:
        Refused: ``wrong_audience``.
    """
    if challenge.audience.rstrip("/") != audience.rstrip("/"):
        raise Refused(
            "wrong_audience",
            f"the challenge is for another audience than {audience}",
            step="challenge",
            value=challenge.audience,
            hint="if that is the verifier's name, state it: --audience NAME",
        )


@dataclass(frozen=True, slots=True)
class Presented:
    """A presentation as it travels: bytes, and the format that they are in."""

    data: bytes
    format: Format


def answer(
    challenge: Challenge,
    credential: JsonObject,
    signer: Signer,
    *,
    did: KeybornDid,
    at: datetime,
    format: Format | None = None,  # noqa: A002 - the field's name
) -> Presented:
    """The presentation of ``credential`` that answers ``challenge``, signed with ``signer``.

    Args:
        challenge: The verifier's.
        credential: With its proof in it, or enveloped.
        signer: The device's current key.
        did: The device's.
        at: Now.
        format: Of the presentation; by default, that of the credential.

    Raises:
        Refused: ``never_presented``: it is a configuration credential.
        Invalid: it is no credential, or one that does not go into such a presentation.
    """
    held = credential_in(credential)
    if CONFIGURATION in held.types:
        raise Refused(
            "never_presented",
            f"a {CONFIGURATION} holds network secrets: it is for the device alone",
            step="present",
            hint="present the provisioning credential",
        )
    wanted = held.format if format is None else format
    data = secure_presentation(
        [(held.to_bytes(), held.format)],
        signer,
        holder=did,
        challenge=challenge.nonce,
        audience=challenge.audience,
        created=at,
        expires=challenge.expires,  # by the verifier's clock, which need not be the device's
        format=wanted,
    )
    return Presented(data, wanted)


def deliver(http: httpx.Client, presented: Presented) -> JsonObject:
    """Bring a presentation to a verifier, by a client for its URL; its answer.

    The answer holds ``device``, whom the verifier admits, and ``decision``, how it came to that.

    Raises:
        Refused: The verifier says no, with its code.
        Undecided: The verifier could not find out.
        Invalid: The verifier says that it is malformed; ``invalid_answer``.
        KeybornError: as ``keyborn.client.request``.
    """
    step = "present"
    decided = request_json(
        http,
        "POST",
        "v1/presentations",
        step=step,
        content=presented.data,
        headers={"content-type": media_type(presented.format, PRESENTATION)},
    )
    if not isinstance(decided.get("device"), dict) or "decision" not in decided:
        raise Invalid(
            "invalid_answer",
            "the verifier's answer admits no device",
            step=step,
            hint="check that the address is that of a verifier",
        )
    return decided
