"""kill -9 on a registrar that pays for transactions, and the node of the chain gone for a while."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chains import Chain
from lives import operations_on
from mortal import Service, run, running

from did.errors import Unavailable
from did.identifier import parse_keyborn
from ledger.ethereum.anvil import find_anvil
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.source import EthereumLog
from ledger.network import load_network, open_reader

pytestmark = [pytest.mark.e2e, pytest.mark.ethereum, pytest.mark.npm]

POINTS = (
    "registrar.accept.before_commit",
    "registrar.accept.after_commit",
    "registrar.prepare.before_commit",
    "registrar.prepare.after_commit",
    "registrar.submit.before",
    "registrar.submit.after",
    "registrar.follow.before_commit",
    "registrar.follow.after_commit",
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    made = Chain(tmp_path_factory.mktemp("chain"))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def ledger(chain: Chain) -> Iterator[Service]:
    """The registrar of a log on the chain, and in ``network.toml`` beside it how to read that."""
    network, key = chain.with_log()
    words = ("ledger", "serve", "--dir", chain.folder / "ledger", "--batch-time", "0")
    source = ("--network", network, "--key-file", key)
    out = ("--network-out", chain.folder / "network.toml")
    with Service(*words, *source, *out, faults=chain.folder / "faults") as service:
        service.start()
        yield service


@pytest.fixture
def device(tmp_path: Path) -> tuple[str | Path, ...]:
    where = ("--dir", tmp_path / "device")
    assert run("device", "init", *where).exit_code == 0
    return where


def assert_once(chain: Chain, device: tuple[str | Path, ...], operations: int) -> None:
    """So many operations of the device are on the log, and each has its effect."""
    did = parse_keyborn(run("device", "show", *device).data["did"])
    network = load_network(chain.folder / "network.toml")
    assert isinstance(network.pin, EthereumPin)
    with Node(network.rpc[0]) as node:
        log = EthereumLog(node, network.pin, first_block=network.first_block)
        assert len(operations_on(log, did)) == operations
    with open_reader(network) as reader:
        assert len(reader.resolve(did).versions) == operations


@pytest.mark.parametrize("point", POINTS)
def test_a_registrar_is_killed(
    chain: Chain, ledger: Service, device: tuple[str | Path, ...], point: str
) -> None:
    """One transaction for one registration, whatever was lost between the two.

    The device, which reads the chain and not the registrar, waits on while that is gone.
    """
    register = ("device", "register", *device, "--network", chain.folder / "network.toml")
    ledger.arm(point)
    with running(*register) as attempt:
        ledger.assert_killed(point)
        ledger.start()
    assert attempt.returncode in ((3,) if "accept" in point else (0, 3))
    registered = run(*register)
    assert registered.exit_code == 0, registered
    assert registered.data["versionId"].startswith("0-")
    assert_once(chain, device, 1)


def test_a_node_that_is_gone_for_a_while(
    chain: Chain, ledger: Service, device: tuple[str | Path, ...]
) -> None:
    """Its chain comes back with it; what waited goes on, and the registrar's state still fits."""
    register = ("device", "register", *device, "--network", chain.folder / "network.toml")
    rotate = ("device", "rotate", *device)
    assert run(*register).exit_code == 0
    chain.stop()
    attempt = run(*rotate)
    assert (attempt.exit_code, attempt.error) == (3, "ledger_unreachable")
    ledger.stop()
    chain.start()
    ledger.start()
    rotated = run(*rotate)
    assert rotated.exit_code == 0, rotated
    assert rotated.data["versionId"].startswith("1-")
    assert_once(chain, device, 2)
    chain.stop()
    chain.start()  # while the registrar runs
    assert run(*rotate).exit_code == 0
    assert_once(chain, device, 3)
