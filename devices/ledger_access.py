"""The log, as a device reads and writes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.network import Network, open_reader
from ledger.reader import LogReader
from ledger.registrar.client import RegistrarClient
from ledger.registrar.messages import Relay

_PATIENCE: Final = 120.0  # seconds for which a busy registrar is asked again


@dataclass(frozen=True, slots=True)
class LedgerAccess:
    """The log that a device uses: the pin, a reader that replays it, a registrar to write it."""

    network: Network
    reader: LogReader
    registrar: Relay


@contextmanager
def ledger_access(network: Network, index: Path) -> Iterator[LedgerAccess]:
    """Access to the log that ``network`` pins; the replay is kept at ``index``."""
    registrar = RegistrarClient(network.url, patience=_PATIENCE)
    with open_reader(network, index) as reader, registrar:
        yield LedgerAccess(network, reader, registrar)
