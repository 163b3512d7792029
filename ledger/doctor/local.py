"""The log as readers see it, the registrar, what is kept here, and the clock."""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from did.errors import KeybornError
from keyborn.checks import Check, Verdict, attempt, failed
from keyborn.client import connect, request_json
from ledger.embedded.heads import EmbeddedPin
from ledger.embedded.source import HttpSource
from ledger.freshness import OLD
from ledger.index import Index
from ledger.log import Heads, SourceWarning
from ledger.mirror.source import open_mirror
from ledger.network import Network, load_network

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_SKEW: Final = 15  # seconds by which a block's time may be ahead of a clock that is right

Asked = tuple[Heads, tuple[SourceWarning, ...]]


def examine(
    network: Network,
    *,
    now: datetime,
    index: Path | None = None,
    payer: Callable[[], "LocalAccount"] | None = None,
) -> list[Check]:
    """Look at everything that ``network`` depends on.

    Args:
        network: The log.
        now: The time, by the clock of this machine.
        index: A reader's index of this log, if it is to be looked at too.
        payer: Finds the account that pays for appending, likewise; on Ethereum.
    """
    checks = []
    if not isinstance(network.pin, EmbeddedPin):
        from ledger.doctor.ethereum import check_nodes, check_payer  # noqa: PLC0415 - it is slow

        checks += check_nodes(network, network.pin)
        if payer is not None:
            try:
                checks.append(check_payer(network, payer()))
            except KeybornError as error:
                checks.append(failed("payer", error))
    heads: Heads | None = None
    try:
        heads, warnings = _ask(network)
    except KeybornError as error:
        checks.append(failed("log", error))
    else:
        checks.append(Check("log", Verdict.OK, _told(heads)))
        checks += [Check(w.source, Verdict.WARNING, w.message, w.code) for w in warnings]
        checks.append(_clock(heads, now))
        if network.mirror is not None:
            newest = heads.finalized.sequence
            checks.append(attempt("mirror", lambda: _mirror(network, newest)))
    checks.append(attempt("registrar", lambda: _registrar(network.url)))
    if index is not None:
        checks.append(attempt("index", lambda: _index(index, network.log_id, heads)))
    return checks


def examine_file(path: Path, now: datetime) -> list[Check]:
    """Look at the log of a network file, for ``keyborn doctor --network``."""
    try:
        network = load_network(path)
    except KeybornError as error:
        return [failed(str(path), error)]
    read = f"pins the log {network.log_id.hex()}"
    return [Check(str(path), Verdict.OK, read), *examine(network, now=now)]


def _ask(network: Network) -> Asked:
    """The newest verified heads, and what was wrong with whom on the way."""
    with ExitStack() as opened:
        if isinstance(network.pin, EmbeddedPin):
            return opened.enter_context(HttpSource(network.url, network.pin)).heads(), ()
        from ledger.ethereum.opening import open_log  # noqa: PLC0415 - it is slow

        log = open_log(
            network.rpc,
            network.pin,
            opened,
            quorum=network.agreeing,
            first_block=network.first_block,
        )
        return log.log.heads(), log.warnings()


def _told(heads: Heads) -> str:
    return (
        f"stands at entry {heads.latest.sequence}, of which {heads.finalized.sequence} are final; "
        "verified"
    )


def _clock(heads: Heads, now: datetime) -> Check:
    """What the age of the newest head says of ledger and clock."""
    age = int(now.timestamp()) - heads.latest.time
    if age < -_SKEW:
        return Check(
            "clock",
            Verdict.WRONG,
            f"the ledger's newest head is {-age} s in the future",
            "clock_behind",
            "Set the clock of this machine; if it is right, the ledger's is wrong.",
        )
    if age > OLD.total_seconds():
        return Check(
            "clock",
            Verdict.WARNING,
            f"the ledger's newest head is {age} s old: verifiers may find it too old to decide on",
            "ledger_stale",
            "See that the ledger goes on, and that the clock of this machine is right.",
        )
    return Check("clock", Verdict.OK, f"the ledger's newest head is {max(0, age)} s old")


def _mirror(network: Network, newest: int) -> str:
    """Whether the mirror has the first entry and the newest final one. Readers check the rest."""
    assert network.mirror is not None
    with ExitStack() as opened:
        mirror = open_mirror(network.mirror, network.log_id, opened)
        for sequence in sorted({1, newest}) if newest else ():
            deque(mirror.entries(sequence, sequence), maxlen=0)
    return f"{network.mirror} has the log up to its newest final entry, {newest}"


def _registrar(url: str) -> str:
    with connect(url) as client:
        request_json(client, "GET", "/health", step="ask the registrar")
    return f"{url} takes operations, and gets them onto the log"


def _index(path: Path, log_id: bytes, heads: Heads | None) -> str | Check:
    if not path.exists():
        return f"{path} is not there yet; the first reader makes it"
    index = Index.open(path, log_id)
    try:
        with index.reading() as view:
            alarm, known, findings = view.alarm(), view.heads(), view.findings()
    finally:
        index.close()
    if alarm is not None:
        return Check(
            "index",
            Verdict.WRONG,
            f"{path} is stopped by an alarm: what was final at entry {alarm.seen.sequence} is "
            "different now",
            alarm.code,
            "Compare both heads with the ledger's operator; to start over, move the index away.",
        )
    stands = known.latest.sequence if known is not None else 0
    behind = "" if heads is None else f", {max(0, heads.latest.sequence - stands)} behind"
    told = f"{path} stands at entry {stands}{behind}"
    if findings:
        return Check(
            "index",
            Verdict.WARNING,
            f"{told}; the ledger contradicted itself {len(findings)} times",
            findings[-1].code,
            "Ask the ledger's operator; the index keeps the evidence.",
        )
    return told
