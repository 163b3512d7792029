"""Ledger, issuer and verifier as processes that can be killed, and keep their URLs and state."""

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path

from torture.killable import Killable

from bench.operating import Operator
from keyborn import cli


class Services:
    """The three of them, in one folder.

    Args:
        folder: What they write is there.
        shift: The file that moves their clocks, if these are to be moved (``torture.moved``).
    """

    def __init__(self, folder: Path, *, shift: Path | None = None) -> None:
        self.folder = folder
        self.network = folder / "network.toml"
        self.store = folder / "issuer" / "issuer.sqlite"
        self._trust = folder / "trust.toml"

        def killable(name: str, *words: str | Path) -> Killable:
            return Killable(folder, name, "serve", "--dir", folder / name, *words, shift=shift)

        self.ledger = killable("ledger", "--network-out", self.network)
        self.issuer = killable("issuer", "--network", self.network)
        self.verifier = killable("verifier", "--trust", self._trust)

    @contextmanager
    def open(self) -> Iterator[Operator]:
        """All of them run; yields the issuer's operator."""
        with ExitStack() as running:
            for service in (self.ledger, self.issuer):
                service.start()
                running.callback(service.stop)
            operator = Operator.of(self.issuer.url, self.folder / "issuer")
            words = ["verifier", "trust", "--network", self.network, "--issuer", operator.did]
            words += ["--status-url", f"{self.issuer.url}/v1/status/", "--out", self._trust]
            with suppress(SystemExit), redirect_stdout(io.StringIO()):
                cli.main([str(word) for word in words])
            self.verifier.start()
            running.callback(self.verifier.stop)
            yield operator
