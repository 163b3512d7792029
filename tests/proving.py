"""A log with a DID's story on it, of either kind, and a proof of that DID's state."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER, actor
from eth_account import Account
from lying import Front, fronted
from operations import Life, batch, create

from did.errors import Unavailable
from did.identifier import KeybornDid
from did.resolution import Finality
from ledger.embedded.store import EmbeddedLedger
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode, find_anvil, running_anvil
from ledger.ethereum.deploy import deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.log import Ledger
from ledger.network import Network, open_reader, write_network
from ledger.operations import Operation, Update, sign_update
from ledger.state_proof.check import Proven, check_state_proof
from ledger.state_proof.form import StateProof
from ledger.state_proof.making import Made, make_state_proof

HOUR = 3600
VOID = b"\x83\x01\x40"  # the beginning of a batch
PARAMETERS = ["embedded", pytest.param("ethereum", marks=[pytest.mark.ethereum, pytest.mark.npm])]


@dataclass(frozen=True)
class Site:
    """A log that is served, and the network file that names it.

    ``front`` stands before an embedded ledger and can lie; ``anvil`` is the node of another.
    """

    network: Network
    path: Path
    ledger: Ledger
    settle: Callable[[], None]
    front: Front | None = None
    anvil: AnvilNode | None = None

    def append(self, *operations: Operation) -> None:
        self.append_bytes(batch(*operations))

    def append_bytes(self, data: bytes) -> None:
        self.ledger.submit(self.ledger.prepare(data))
        self.settle()

    def make(self, did: KeybornDid, finality: Finality = Finality.FINALIZED) -> Made:
        with open_reader(self.network) as reader:
            return make_state_proof(self.network, reader, did, finality)


@contextmanager
def embedded_site(folder: Path) -> Iterator[Site]:
    with EmbeddedLedger(folder / "ledger") as ledger, fronted(ledger) as front:
        network = Network(ledger.pin, front.url)
        path = folder / "network.toml"
        write_network(path, network)
        yield Site(network, path, ledger, lambda: None, front=front)


@contextmanager
def ethereum_site(folder: Path) -> Iterator[Site]:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    with running_anvil(block_seconds=HOUR) as anvil:
        yield deployed_site(anvil, folder / "network.toml")


def deployed_site(anvil: AnvilNode, path: Path) -> Site:
    """A fresh log on a node that runs."""
    sender = Account.create()
    anvil.fund(sender.address)
    deployed = deploy(anvil.node, sender, pause=anvil.mine)
    first = deployed.block_number
    anvil.mine(FINALITY_DEPTH)
    ledger = EthereumLedger(anvil.node, deployed.pin, sender=sender, first_block=first)
    network = Network(deployed.pin, "http://127.0.0.1:8101", (anvil.url,), first)
    write_network(path, network)
    return Site(network, path, ledger, lambda: anvil.mine(FINALITY_DEPTH + 1), anvil=anvil)


@contextmanager
def site(kind: str, folder: Path) -> Iterator[Site]:
    with (embedded_site if kind == "embedded" else ethereum_site)(folder) as made:
        yield made


def tell(site: Site) -> Life:
    """Eight entries, in which the device is created (2), and rotated (4 and 6)."""
    life = Life(DEVICE, site.ledger.log_id)
    site.append(create(STRANGER))
    site.append(create(actor("a")), life.create(), create(actor("b")))
    site.append_bytes(VOID)
    site.append(life.rotate())
    site.append(create(actor("c")))
    site.append(create(actor("d")), life.rotate())
    site.append(create(DEVICE))
    site.append(create(actor("e")))
    return life


def block_hash(proven: Proven) -> bytes | None:
    return None if proven.header is None else proven.header.hash


def check(site: Site, proof: StateProof, believed: bytes | None) -> Proven:
    return check_state_proof(proof, pin=site.network.pin, block_hash=believed)


def rival(life: Life) -> tuple[Update, Update]:
    """Two updates for one place, which is the first rotation, by the one key that may sign them."""
    one = life.rotate()
    other = sign_update(
        life.actor.next_key,
        log_id=life.log_id,
        id_=one.id,
        prev=one.id,
        next_key=STRANGER.next_key.public_key(),
    )
    return one, other
