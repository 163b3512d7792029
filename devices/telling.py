"""Telling the issuer what became of its credentials (OpenID4VCI 1.0, section 11).

That this fails is no failure of an enrolment: what is there to receive was received. What could not
be said is kept, with the access token, and said at the next occasion while the token lasts.
"""

from contextlib import suppress
from datetime import datetime
from typing import Final

from devices.issuer_client import IssuerClient
from devices.issuer_metadata import IssuerMetadata
from devices.progress import Progress
from devices.store import Store
from did.errors import KeybornError, Unavailable, Undecided
from did.openid4vci import CREDENTIAL_ACCEPTED, CREDENTIAL_FAILURE
from keyborn.faults import FaultPoint

_NOTIFIED: Final = FaultPoint("device.enroll.after_notified")


def tell(
    client: IssuerClient, metadata: IssuerMetadata, store: Store, progress: Progress
) -> Progress:
    """Tell the issuer of what was stored and is unsaid, as far as it can be told now."""
    endpoint, token = metadata.notification_endpoint, progress.token
    for notification in progress.unsaid:
        try:
            if endpoint is not None and token is not None:
                client.notify(endpoint, token, notification, CREDENTIAL_ACCEPTED, None)
        except (Unavailable, Undecided):
            continue  # at the next occasion
        except KeybornError:
            pass  # it does not want to hear it
        _NOTIFIED.reached()
        progress = progress.with_said(notification)
        store.save_progress(progress)
    return progress


def catch_up(client: IssuerClient, store: Store, progress: Progress, *, at: datetime) -> Progress:
    """Tell the issuer of a complete enrolment what it was not told; not, if the token is over."""
    ends = progress.token_expires
    if progress.token is not None and (ends is None or at < ends):
        try:
            return tell(client, client.metadata(), store, progress)
        except KeybornError:
            return progress
    for notification in progress.unsaid:
        progress = progress.with_said(notification)
    store.save_progress(progress)
    return progress


def complain(
    client: IssuerClient,
    metadata: IssuerMetadata,
    progress: Progress,
    notification: str | None,
    error: KeybornError,
) -> None:
    """Tell the issuer that what it sent is not accepted, and why, in our own code."""
    endpoint, token = metadata.notification_endpoint, progress.token
    if endpoint is None or token is None or notification is None:
        return
    with suppress(KeybornError):  # what is told here is raised anyway
        client.notify(endpoint, token, notification, CREDENTIAL_FAILURE, f"[{error.code}]")
