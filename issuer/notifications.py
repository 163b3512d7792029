"""What wallets say of credentials that they were given (OpenID4VCI 1.0, section 11).

An answer with credentials has a notification id: a MAC over which credentials it has, so that an
answer which is given again has the same one. What is said under it is kept, each event once.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from sqlalchemy import Engine, select

from did.errors import Invalid
from did.jcs import JsonObject, canonicalize
from did.multibase import base64url_encode
from did.openid4vci import EVENTS
from did.strict_json import Numbers, parse_object
from did.timestamps import format_time
from issuer.store import answers, notifications
from keyborn.faults import FaultPoint
from keyborn.storage import insert_once, reading

_LABEL: Final = b"keyborn-notification/1"
_BYTES: Final = 24
_MAX_ID: Final = 128
_MAX_DESCRIPTION: Final = 1_024
_REQUEST: Final = "request"

_BEFORE_COMMIT: Final = FaultPoint("issuer.notification.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.notification.after_commit")


@dataclass(frozen=True, slots=True)
class Notification:
    """What a wallet says.

    Attributes:
        id: Of the answer that it is about.
        event: What became of its credentials: one of ``did.openid4vci.EVENTS``.
        description: Why, in the wallet's words.
    """

    id: str
    event: str
    description: str | None


def answer_id(key: bytes, *, claim: str, configuration: str, dids: Sequence[str]) -> str:
    """The notification id of an answer: the same for the same credentials."""
    content = canonicalize([claim, configuration, sorted(dids)])
    return base64url_encode(hmac.digest(key, _LABEL + content, hashlib.sha256)[:_BYTES])


def read_notification(body: bytes, media_type: str) -> Notification:
    """The notification in ``body`` (section 11.1); what is not known in it is ignored.

    Raises:
        Invalid: Step ``request``.
    """
    if media_type != "application/json":
        raise Invalid(
            "unsupported_media_type",
            "a notification is application/json",
            step=_REQUEST,
            hint="name the Content-Type of what is sent",
        )
    try:
        request = parse_object(body, numbers=Numbers.ANY)
    except Invalid as error:
        raise error.at(_REQUEST) from error
    id_, event = request.get("notification_id"), request.get("event")
    description = request.get("event_description")
    if not isinstance(id_, str):
        raise _invalid("notification_id is missing")
    if not isinstance(event, str) or event not in EVENTS:
        raise _invalid(f"event is none of {', '.join(EVENTS)}")
    if description is not None and not _is_plain(description):
        raise _invalid(f"event_description is no ASCII text of up to {_MAX_DESCRIPTION} characters")
    return Notification(id_, event, None if description is None else str(description))


def note(engine: Engine, notification: Notification, *, claim: str, at: datetime) -> None:
    """Keep what a wallet says; to say it again changes nothing.

    Args:
        engine: The issuer's store.
        notification: What it says.
        claim: The claim that its access token is for.
        at: Now.

    Raises:
        Invalid: ``unknown_notification`` (step ``notification``).
    """
    with engine.begin() as connection:
        query = select(answers.c.claim).where(answers.c.notification == notification.id[:_MAX_ID])
        if connection.execute(query).scalar_one_or_none() != claim:
            raise Invalid(
                "unknown_notification",
                "no credentials were given out with this notification_id, under this claim",
                step="notification",
                hint="use the notification_id, and a token of the claim, of the answer itself",
            )
        row = {
            "notification": notification.id,
            "event": notification.event,
            "description": notification.description,
            "received": int(at.timestamp()),
        }
        insert_once(connection, notifications, row)
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()


def received(engine: Engine, claim: str) -> list[JsonObject]:
    """What wallets said of the credentials of ``claim``, in order, for the operator."""
    query = (
        select(notifications, answers.c.configuration, answers.c.dids)
        .join(answers, answers.c.notification == notifications.c.notification)
        .where(answers.c.claim == claim)
        .order_by(notifications.c.number)
    )
    with reading(engine) as connection:
        return [
            {
                "event": row.event,
                "description": row.description,
                "configuration": row.configuration,
                "dids": orjson.loads(row.dids),
                "received": format_time(datetime.fromtimestamp(row.received, UTC)),
            }
            for row in connection.execute(query)
        ]


def _is_plain(value: object) -> bool:
    """Whether it is of the characters that section 11.1 allows, and not too many of them."""
    if not isinstance(value, str) or len(value) > _MAX_DESCRIPTION:
        return False
    return all(" " <= each <= "~" and each not in '"\\' for each in value)


def _invalid(message: str) -> Invalid:
    return Invalid(
        "invalid_notification",
        message,
        step=_REQUEST,
        hint='send {"notification_id": "...", "event": "credential_accepted"}',
    )
