"""A verifier put together from a trust root file and a directory."""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

from keyborn.chaos import Chaos
from keyborn.files import private_directory
from keyborn.public_https import PublicHttps
from ledger.network import open_reader
from ledger.resolving.methods import MethodResolver
from ledger.resolving.web import WebResolver
from verifier.challenges import LIFETIME, ChallengeBook
from verifier.statuses import Statuses
from verifier.store import open_store
from verifier.trust_file import load_trust_root
from verifier.trust_root import TrustRoot
from verifier.verifier import Verifier


@contextmanager
def verifier_at(
    trust_root: TrustRoot,
    directory: Path,
    *,
    audience: str,
    challenge_lifetime: timedelta = LIFETIME,
    https: PublicHttps | None = None,
    store: str | None = None,
    chaos: Chaos | None = None,
) -> Iterator[Verifier]:
    """A verifier for the time of a ``with`` block.

    Args:
        trust_root: Whom it believes.
        directory: What it remembers; private, made if it is missing. Several processes may share
            one: they know each other's challenges, and none is answered twice.
        audience: Its name, which presentations are made for; its URL as devices know it.
        challenge_lifetime: How long a device has to answer.
        https: How the documents of did:web issuers are fetched; the usual way unless given.
        store: The path or URL of what it remembers, but for the log; a file in the directory, if
            None. Processes on several hosts share one PostgreSQL.
        chaos: What goes wrong on purpose; None for nothing.

    Raises:
        Refused: Others can read the directory, or it belongs to something else.
        Unavailable: It is damaged or cannot be used.
    """
    index = private_directory(directory) / f"log-{trust_root.log_id.hex()}.db"
    with (
        closing(open_store(directory, store)) as kept,
        closing(Statuses(store=kept)) as statuses,
        open_reader(trust_root.network, index) as reader,
    ):
        book = ChallengeBook(
            store=kept, audience=audience, lifetime=challenge_lifetime, chaos=chaos
        )
        yield Verifier(
            trust_root=trust_root,
            resolver=MethodResolver(reader, _web(trust_root, https)),
            statuses=statuses,
            challenges=book,
        )


def open_verifier(trust_root: Path, directory: Path, *, audience: str) -> Verifier:
    """A verifier for the life of this process; ``verifier_at`` is for a shorter one.

    Args:
        trust_root: The file, as ``keyborn verifier trust`` writes it.
        directory: As for ``verifier_at``.
        audience: As for ``verifier_at``.

    Raises:
        Invalid: ``invalid_trust_root``.
        KeybornError: As ``verifier_at``.
    """
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(
        verifier_at(load_trust_root(trust_root), directory, audience=audience)
    )


def _web(trust_root: TrustRoot, https: PublicHttps | None) -> WebResolver | None:
    """For did:web, if the trust root names one: else nothing is fetched at all."""
    if not trust_root.names_hosts:
        return None
    return WebResolver(https or PublicHttps(), max_age=trust_root.policy.max_status_age)
