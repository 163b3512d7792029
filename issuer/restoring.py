"""An issuer that goes on from a back-up: what may have been used since is void.

1. Nonces and access tokens that were given out: their keys are made anew at the next start, and an
   era of nonces begins for a process that is still at work. A nonce that was used after the back-up
   would else count once more.
2. Claims that are open: they are withdrawn. Some may have been taken since, and would be taken by
   another device.
3. Status lists: all are closed, and new ones have names of their own. Entries that were given out
   since the back-up are known to nobody here, and so would be given out twice.

Not made good, since only people know of it: what was revoked, suspended or told since; and devices
that were enrolled since, whose credentials count, but which the inventory does not have.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from did.timestamps import format_time
from did.vc.bitstring import MINIMUM_ENTRIES
from issuer.keys import NONCE_KEY, TOKEN_KEY
from issuer.store import claims, grants, settings, status_lists
from keyborn.storage import begin_era

EPOCH: Final = "status_list_epoch"
"""In ``settings``: what the names of lists have that were begun since the last restore."""


def renew(connection: Connection, at: datetime) -> Mapping[str, object]:
    """Do it, in one transaction; what was done, and when the newest credential was granted."""
    last = connection.execute(select(func.max(grants.c.granted))).scalar()
    connection.execute(delete(settings).where(settings.c.name.in_((NONCE_KEY, TOKEN_KEY))))  # 1
    begin_era(connection, settings)
    seconds = int(at.timestamp())
    withdrawn = connection.execute(  # 2
        update(claims)
        .where(claims.c.cancelled.is_(None), claims.c.completed.is_(None))
        .where(claims.c.expires > seconds)
        .values(cancelled=seconds)
    )
    closed = connection.execute(  # 3
        update(status_lists)
        .where(status_lists.c.allocated < MINIMUM_ENTRIES)
        .values(allocated=MINIMUM_ENTRIES)
    )
    connection.execute(delete(settings).where(settings.c.name == EPOCH))
    epoch = f"{int(at.timestamp() * 1_000):x}"
    connection.execute(insert(settings).values(name=EPOCH, value=epoch.encode()))
    return {
        "claims withdrawn": withdrawn.rowcount,
        "status lists closed": closed.rowcount,
        "newest grant": "none" if last is None else format_time(datetime.fromtimestamp(last, UTC)),
    }
