"""Whether a log can be read, and is new enough: for ``keyborn.readiness`` and ``ledger doctor``."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from did.identifier import ID_BYTES, KeybornDid
from did.resolution import Resolver, check_fresh

OLD: Final = timedelta(seconds=600)  # twice what a trust root accepts unless it says otherwise
ANY: Final = KeybornDid(bytes(ID_BYTES))  # a DID that nobody has: any is as good

_STEP: Final = "look at the log"


def check_log(resolver: Resolver, *, now: Callable[[], datetime], max_age: timedelta = OLD) -> None:
    """Return if the log of ``resolver`` answers, and its newest head is young enough.

    Raises:
        Undecided: ``ledger_unreachable``, ``ledger_stale``, or as ``did.resolution.Resolver``.
        KeybornError: As the resolver.
    """
    check_fresh(resolver.resolve(ANY), at=now(), max_age=max_age, step=_STEP)
