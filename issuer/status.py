"""Status lists as they are published: signed, in each media type (Bitstring Status List 1.0).

Which entry is whose, and what stands there, is the business of ``issuer.status_indexes``. A list
is signed when it is asked for: if a value or the issuer's key has changed, or if half of its time
to live is over. So a list that nobody asks for costs nothing, and a change costs one signature for
each list that it concerns. All media types show one publication: the same values, ``validFrom`` and
key.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, Row, delete, literal_column, select, update

from did.jcs import JsonObject
from did.multibase import base64url_encode
from did.vc.bitstring import MINIMUM_ENTRIES, bitstring
from did.vc.credential import build_credential
from did.vc.formats import Format, media_type, secure_credential
from did.vc.status_list import CREDENTIAL_TYPE, StatusList, list_subject
from issuer.errors import NotFound
from issuer.identity import Assertion, SigningIdentity, confirm
from issuer.status_terms import StatusTerms, size_of, status_messages
from issuer.store import status_indexes, status_lists, status_publications
from keyborn.faults import FaultPoint
from keyborn.storage import locking, put, reading

AHEAD: Final = timedelta(minutes=1)
"""A publication that is of the future by more was made by a clock that was ahead.

As far as clocks may differ by a verifier's policy, unless it says otherwise. One that lets them
differ by more may have taken that publication, and is undecided until its time has come.
"""

_MICROSECOND: Final = timedelta(microseconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_BEFORE_COMMIT: Final = FaultPoint("issuer.status.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.status.after_commit")


@dataclass(frozen=True, slots=True)
class Publication:
    """A status list credential as it is served.

    Attributes:
        content: The secured credential.
        fresh_until: When to look for a newer one.
    """

    content: bytes
    fresh_until: datetime

    @property
    def etag(self) -> str:
        """What names these very bytes (RFC 9110, section 8.8.3)."""
        return f'"{base64url_encode(hashlib.sha256(self.content).digest())}"'


def publication(
    engine: Engine,
    identity: SigningIdentity,
    name: str,
    *,
    terms: StatusTerms,
    at: datetime,
    format: Format = Format.LDP_VC,  # noqa: A002 - the field's name
) -> Publication:
    """The status list credential ``name``, secured in ``format``.

    It is signed anew when a value or the issuer's key has changed, and when half its ``ttl`` is
    over. ``validFrom`` rises with each publication, by a microsecond if by no more, so that
    verifiers can tell which of two is newer; but not from one that was made by a clock that was
    ahead, and is of the future: no verifier whose clock is right has taken that.

    Raises:
        NotFound: ``status_list_not_found``.
        Unavailable: ``rotation_pending``, when what was published cannot serve any more.
        Undecided: As ``SigningIdentity.signing``.
    """
    with reading(engine) as connection:
        row = _row(connection, name)
        content = _content(connection, row, format)
    fresh = _fresh_until(row, terms, at)
    if fresh is not None and content is not None and identity.rotating():
        return Publication(content, fresh)
    assertion = identity.signing()
    due = fresh is None or _due(row, assertion, terms, at)
    if content is None or due:
        with engine.begin() as connection:
            confirm(connection, assertion)
            row = _row(connection, name)
            if _fresh_until(row, terms, at) is None or _due(row, assertion, terms, at):
                row = _begin(connection, row, assertion, terms=terms, at=at)
            content = _secure(connection, row, assertion, format)
            _BEFORE_COMMIT.reached()
        _AFTER_COMMIT.reached()
    fresh = _fresh_until(row, terms, at)
    assert fresh is not None  # it was, or was made so
    return Publication(content, fresh)


def _begin(
    connection: Connection,
    row: Row[Any],
    assertion: Assertion,
    *,
    terms: StatusTerms,
    at: datetime,
) -> Row[Any]:
    """Begin a publication; what is published in any media type is not current from now on.

    Nor by its time alone: one that was made by a clock that was ahead could have the very time of a
    later one, and not what was revoked between them.
    """
    ended = delete(status_publications).where(status_publications.c.list == row.name)
    connection.execute(ended)
    valid_from = max(at.replace(microsecond=0), assertion.since)
    if row.valid_from is not None and not _is_of_the_future(row, at):
        valid_from = max(valid_from, _from_microseconds(row.valid_from) + _MICROSECOND)
    connection.execute(
        update(status_lists)
        .where(status_lists.c.name == row.name)
        .values(
            published_changes=row.changes,
            published_key=assertion.signer.public_key().multibase,
            published_ttl=terms.ttl // _MILLISECOND,
            valid_from=_to_microseconds(valid_from),
            valid_until=_to_microseconds(valid_from + terms.ends_after),
        )
    )
    return _row(connection, row.name)


def _secure(
    connection: Connection,
    row: Row[Any],
    assertion: Assertion,
    format: Format,  # noqa: A002 - the field's name
) -> bytes:
    """The current publication in ``format``: as it was made, or made now."""
    content = _content(connection, row, format)
    if content is not None:
        return content
    valid_from = _from_microseconds(row.valid_from)
    content = secure_credential(
        _document(connection, row, assertion),
        assertion.signer,
        issuer=assertion.did,
        created=valid_from,
        format=format,
    )
    made = {"valid_from": row.valid_from, "content": content}
    where = {"list": row.name, "media_type": media_type(format)}
    put(connection, status_publications, {**where, **made}, key=list(where))
    return content


def _document(connection: Connection, row: Row[Any], assertion: Assertion) -> JsonObject:
    messages: tuple[str, ...] = tuple(orjson.loads(row.messages))
    size = size_of(messages)
    shown = StatusList(
        url=row.url,
        purposes=(row.purpose,),
        bits=bitstring(_values(connection, row.name), entries=MINIMUM_ENTRIES, size=size),
        ttl=row.published_ttl,
        size=size if messages else None,
        messages=status_messages(messages),
    )
    return build_credential(
        CREDENTIAL_TYPE,
        issuer=assertion.did,
        subject=list_subject(shown),
        valid_from=_from_microseconds(row.valid_from),
        valid_until=_from_microseconds(row.valid_until),
        url=row.url,
    )


def _values(connection: Connection, name: str) -> list[tuple[int, int]]:
    query = select(status_indexes.c.position, status_indexes.c.value).where(
        status_indexes.c.list == name,
        status_indexes.c.value != literal_column("0"),  # as the index has it
    )
    return [(row[0], row[1]) for row in connection.execute(query).all()]


def _row(connection: Connection, name: str) -> Row[Any]:
    query = select(status_lists).where(status_lists.c.name == name)
    row = connection.execute(locking(connection, query)).one_or_none()
    if row is None:
        raise NotFound(
            "status_list_not_found",
            "there is no such status list",
            value=name,
            hint="take the URL from the credential, whole",
        )
    return row


def _content(connection: Connection, row: Row[Any], format: Format) -> bytes | None:  # noqa: A002
    """The current publication, if it was made in ``format``."""
    query = select(status_publications.c.content).where(
        status_publications.c.list == row.name,
        status_publications.c.media_type == media_type(format),
        status_publications.c.valid_from == row.valid_from,
    )
    content = connection.execute(query).scalar_one_or_none()
    return None if content is None else bytes(content)


def _fresh_until(row: Row[Any], terms: StatusTerms, at: datetime) -> datetime | None:
    """Until when what is published may be cached; None if it cannot serve now."""
    if row.valid_from is None or row.changes != row.published_changes or _is_of_the_future(row, at):
        return None
    ends = _from_microseconds(row.valid_from) + min(terms.ttl, row.published_ttl * _MILLISECOND)
    return ends if at < ends else None


def _is_of_the_future(row: Row[Any], at: datetime) -> bool:
    """Whether verifiers take what is published for one of the future, and refuse it."""
    return _from_microseconds(row.valid_from) > at + AHEAD


def _due(row: Row[Any], assertion: Assertion, terms: StatusTerms, at: datetime) -> bool:
    """Whether to sign what is still fresh anew: half its time is over, or the key is another."""
    return (
        at >= _from_microseconds(row.valid_from) + terms.ttl / 2
        or row.published_key != assertion.signer.public_key().multibase
    )


def _from_microseconds(value: int) -> datetime:
    return _EPOCH + value * _MICROSECOND


def _to_microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND
