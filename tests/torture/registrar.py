"""A registrar killed over and over, and its Ethereum node stopped, while operations are handed in.

Whatever was acknowledged (HTTP 202) must in the end stand exactly once in the transactions of this
registrar that are on the chain, and take effect once for a reader that begins with nothing.

    python -m torture.registrar [--seed N] [--operations 2000] [--kills 100] [--restarts 5]

The seed decides which operations there are, in which order each client hands them in, and when
something is killed or stopped; what these moments meet is up to the machine.

The registrar is ``keyborn ledger serve``, ended by SIGKILL (``killable``).
"""

import argparse
import hashlib
import json
import random
import secrets
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from chains import Chain
from eth_account import Account
from prometheus_client.parser import text_string_to_metric_families
from torture.killable import Killable

from did.identifier import Genesis, KeybornDid
from did.keys import SigningKey
from keyborn.polling import poll
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin
from ledger.network import Network, load_network, open_reader
from ledger.operations import Create, Operation, decode_batch, operation_hash, sign_update
from ledger.registrar.messages import operation_to_json

CLIENTS = 4
PATIENCE = 300.0  # seconds for what must come
PAUSE = 0.2  # seconds between two attempts of a client


@dataclass(frozen=True)
class Plan:
    """How much is done, and with which seed."""

    seed: int
    operations: int
    kills: int
    restarts: int


@dataclass(frozen=True)
class Life:
    """The operations of one device, in their order, with their hashes."""

    did: KeybornDid
    operations: tuple[Operation, ...]
    hashes: tuple[bytes, ...]


@dataclass
class Valve:
    """Lets so many operations through; more when it is opened further."""

    total: int
    open: int = 0
    taken: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def let(self, count: int) -> None:
        with self._changed:
            self.open = max(self.open, count)
            self._changed.notify_all()

    def take(self) -> None:
        with self._changed:
            while self.taken >= self.open:
                self._changed.wait()
            self.taken += 1


def lives(plan: Plan, log_id: bytes) -> list[Life]:
    """Devices that rotate never, once or twice: ``plan.operations`` operations in all."""
    made: list[Life] = []
    left = plan.operations
    while left:
        keys = [key(plan.seed, len(made), turn) for turn in range(4)]
        did = KeybornDid.born(Genesis.of(keys[0].public_key(), keys[1].public_key()))
        assert did.genesis is not None
        operations: list[Operation] = [Create(did.genesis)]
        hashes = [did.id]
        for turn in range(1, 1 + min(len(made) % 3, left - 1)):
            after = keys[turn + 1].public_key()
            operations.append(
                sign_update(keys[turn], log_id=log_id, id_=did.id, prev=hashes[-1], next_key=after)
            )
            hashes.append(operation_hash(operations[-1], log_id=log_id, prev=hashes[-1]))
        made.append(Life(did, tuple(operations), tuple(hashes)))
        left -= len(operations)
    return made


def key(seed: int, device: int, turn: int) -> SigningKey:
    return SigningKey(hashlib.sha256(f"torture {seed} {device} {turn}".encode()).digest())


def hand_in(url: str, mine: Sequence[Life], rng: random.Random, valve: Valve) -> None:
    """Hand in what these devices do, each in its order, until each is acknowledged."""
    waiting = [list(life.operations) for life in mine]
    with httpx.Client(base_url=url, timeout=10) as client:
        while waiting:
            device = rng.choice(waiting)
            valve.take()
            acknowledge(client, device.pop(0))
            if not device:
                waiting.remove(device)


def acknowledge(client: httpx.Client, operation: Operation) -> None:
    """Repeat it until it is acknowledged. That nobody answers, or not now, is to be expected."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            answer = client.post("/v1/operations", json=operation_to_json(operation))
        except httpx.TransportError:
            time.sleep(PAUSE)
            continue
        if answer.status_code == 202:
            return
        assert answer.status_code in (429, 503), answer.text
        time.sleep(PAUSE)
    raise AssertionError("an operation was never acknowledged")


@contextmanager
def clients(url: str, all_of_them: list[Life], plan: Plan, valve: Valve) -> Iterator[None]:
    """They hand in, a thread each; what fails in one of them fails here."""
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            rng = random.Random(f"{plan.seed} client {number}")
            hand_in(url, all_of_them[number::CLIENTS], rng, valve)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()
    assert not failures, failures


def torment(service: Killable, chain: Chain, plan: Plan, valve: Valve) -> None:
    """Kill the registrar over and over; now and then its node is gone for a while."""
    rng = random.Random(f"{plan.seed} kills")
    every = plan.kills // plan.restarts if plan.restarts else plan.kills + 1
    for kill in range(plan.kills):
        valve.let(plan.operations * (kill + 1) // plan.kills)
        gone = plan.restarts > 0 and kill % every == every - 1 and kill // every < plan.restarts
        if gone:
            chain.stop()
        if rng.random() < 0.15:
            service.begin()  # and does not get as far as listening, perhaps
        else:
            service.start()
        time.sleep(rng.uniform(0, 1.5))
        service.kill()
        if gone:
            chain.start()


def metrics(url: str) -> dict[str, float]:
    text = httpx.get(f"{url}/metrics").text
    return {
        " ".join([sample.name.removeprefix("keyborn_registrar_"), *sample.labels.values()]): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def await_rest(url: str, operations: int) -> dict[str, float]:
    """The metrics, once every operation is final."""

    def at_rest() -> dict[str, float] | None:
        found = metrics(url)
        return found if found["operations finalized"] == operations else None

    found = poll(at_rest, PATIENCE)
    assert found is not None, metrics(url)
    return found


def on_chain(network: Network, sender: str) -> Iterator[list[Operation]]:
    """What each transaction of ``sender`` to the log, on the canonical chain, has appended."""
    assert isinstance(network.pin, EthereumPin)
    with Node(network.rpc[0]) as node:
        newest = int(str(node.call("eth_blockNumber")), 16)
        for number in range(network.first_block, newest + 1):
            block = node.call("eth_getBlockByNumber", hex(number), True)
            assert isinstance(block, dict)
            for sent in block["transactions"]:
                if str(sent["to"]).lower() != network.pin.contract.lower():
                    continue
                receipt = node.call("eth_getTransactionReceipt", sent["hash"])
                assert isinstance(receipt, dict)
                assert (sent["from"].lower(), receipt["status"]) == (sender.lower(), "0x1")
                yield list(decode_batch(argument(bytes.fromhex(sent["input"][2:]))).operations)


def argument(call: bytes) -> bytes:
    """The one argument, ``bytes``, of a call (contract ABI): selector, offset, length, bytes."""
    length = int.from_bytes(call[36:68], "big")
    return call[68 : 68 + length]


def assert_once(network: Network, sender: str, all_of_them: list[Life]) -> int:
    """Each operation is on the chain once, and has its effect once; how many transactions."""
    transactions = list(on_chain(network, sender))
    found = Counter(operation for each in transactions for operation in each)
    expected = Counter(operation for life in all_of_them for operation in life.operations)
    assert found == expected, (found - expected, expected - found)
    with open_reader(network) as reader:  # with an index of its own, empty
        for life in all_of_them:
            versions = reader.resolve(life.did.canonical).versions
            assert tuple(version.operation for version in versions) == life.hashes
    return len(transactions)


def encrypted(folder: Path, secret: str) -> tuple[str | Path, ...]:
    """The options that name the key that pays, encrypted, and its password."""
    password = secrets.token_hex(8)
    keystore = Account.encrypt(secret, password, kdf="pbkdf2", iterations=1_000)
    paths = folder / "payer.json", folder / "payer.password"
    for path, text in zip(paths, (json.dumps(keystore), f"{password}\n"), strict=True):
        path.touch(mode=0o600)
        path.write_text(text)
    return "--key-file", paths[0], "--password-file", paths[1]


def torture(folder: Path, plan: Plan) -> str:
    """Do it all; what there is to say of it."""
    started = time.monotonic()
    chain = Chain(folder)
    try:
        network_file, key_file = chain.with_log()
        network = load_network(network_file)
        devices = lives(plan, network.log_id)
        payer = encrypted(folder, key_file.read_text())
        words = ("--dir", folder / "ledger", "--network", network_file, *payer)
        options = ("--batch-time", "0.1", "--batch-size", "40", "--replace-after", "2")
        service = Killable(folder, "ledger", "serve", *words, *options)
        with ExitStack() as stack:
            stack.callback(service.stop)
            valve = Valve(plan.operations)
            with clients(service.url, devices, plan, valve):
                torment(service, chain, plan, valve)
                service.start()
            told = await_rest(service.url, plan.operations)
            sender = Account.from_key(key_file.read_text()).address
            transactions = assert_once(network, sender, devices)
    finally:
        chain.stop()
    return (
        f"seed {plan.seed}: {plan.operations} operations of {len(devices)} devices, each "
        f"acknowledged, once on the chain and once in effect; {plan.kills} kills, "
        f"{plan.restarts} restarts of the node, {transactions} transactions, "
        f"{told['replacements_total']:.0f} replacements, {told['submissions dead']:.0f} "
        f"submissions that could not land; {time.monotonic() - started:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--operations", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--restarts", type=int, default=5)
    plan = Plan(**vars(parser.parse_args()))
    print(f"seed {plan.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(torture(Path(folder), plan))


if __name__ == "__main__":
    main()
