"""Ethereum nodes that lie: each lie is detected and named, and leads to no wrong resolution.

A real anvil has the truth; proxies in front of it tell lies. With one node a lie ends the question;
with several, whoever lies is passed over, and named. The same reader, once the node is honest
again, resolves.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from actors import DEVICE, ISSUER, STRANGER, actor
from eth_account import Account
from ethereum_support import Proxy, drip, http_server, proxied
from forged_chain import ForgedChain, rehashed
from gatehouse import Gatehouse
from operations import Life, batch, create
from outcomes import undecided

from did.errors import Invalid, KeybornError, Unavailable, Undecided
from did.resolution import Registration, Resolution, check_fresh
from ledger.ethereum.anvil import AnvilNode, find_anvil, running_anvil
from ledger.ethereum.deploy import deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.opening import open_log
from ledger.ethereum.pin import EthereumPin
from ledger.index import Index
from ledger.network import Network, open_reader, open_reader_at
from ledger.reader import LogReader
from verifier.decision import Check
from verifier.store import open_store

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

HOUR = 3600  # blocks come when the test mines them, and at no other time
MINUTES = 300  # seconds between two entries: far more than nodes are apart
NOBODY = "0x000000000000000000000000000000000000dEaD"
TAGS = ("latest", "safe", "finalized")


@dataclass
class Chain:
    """A log of four entries, the newest a rotation of ``DEVICE``, and proxies of its node."""

    anvil: AnvilNode
    pin: EthereumPin
    first_block: int
    ledger: EthereumLedger
    proxies: list[Proxy]

    def network(self, *nodes: Proxy, quorum: int | None = None) -> Network:
        urls = tuple(node.url for node in nodes)
        return Network(self.pin, "http://127.0.0.1:1", urls, self.first_block, quorum)

    def block(self, number: int | str) -> Any:
        asked = number if isinstance(number, str) else hex(number)
        return self.anvil.node.call("eth_getBlockByNumber", asked, False)

    def height_before(self, sequence: int) -> int:
        """The block before that of an entry, which is old, and has enough before it."""
        (entry,) = self.ledger.entries(sequence, sequence)
        return entry.block_number - 1


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    with ExitStack() as stack:
        anvil = stack.enter_context(running_anvil(block_seconds=HOUR))
        client = stack.enter_context(httpx.Client())
        account = Account.create()
        anvil.fund(account.address)
        made = deploy(anvil.node, account, pause=anvil.mine)
        ledger = EthereumLedger(anvil.node, made.pin, sender=account, first_block=made.block_number)
        proxies = [stack.enter_context(proxied(anvil.url, client)) for _ in range(3)]
        chain = Chain(anvil, made.pin, made.block_number, ledger, proxies)
        device = Life(DEVICE, made.pin.log_id)
        for operation in (device.create(), create(actor("a")), create(actor("b")), device.rotate()):
            append(chain, batch(operation))
        yield chain


def append(chain: Chain, data: bytes) -> None:
    """Put a batch into a block, and make it final in blocks minutes apart."""
    chain.ledger.submit(chain.ledger.prepare(data))
    chain.anvil.mine()
    chain.anvil.node.call("anvil_mine", "0x4", hex(MINUTES // 4))


@pytest.fixture
def nodes(chain: Chain) -> list[Proxy]:
    for proxy in chain.proxies:
        proxy.be_honest()
    return chain.proxies


@pytest.fixture(scope="module")
def honest_reader(chain: Chain) -> Iterator[LogReader]:
    with LogReader(chain.ledger, Index.temporary(chain.pin.log_id)) as reader:
        yield reader


@pytest.fixture
def truth(honest_reader: LogReader) -> Resolution:
    found = honest_reader.resolve(DEVICE.short)
    assert len(found.versions) == 2
    return found


def failure(network: Network) -> KeybornError:
    """How resolving ends, with a new reader."""
    with open_reader(network) as reader, pytest.raises(KeybornError) as caught:
        reader.resolve(DEVICE.short)
    assert caught.value.step
    assert caught.value.hint
    return caught.value


def resolved(network: Network) -> tuple[Resolution, set[tuple[str, str]]]:
    """What a new reader resolves, and who is named for what."""
    with open_reader(network) as reader:
        found = reader.resolve(DEVICE.short)
        return found, {(warning.source, warning.code) for warning in reader.warnings()}


# ---------------------------------------------------------------- the lies


def logs(change: Callable[[list[Any]], list[Any]]) -> Callable[[Proxy, Chain], None]:
    def lie(proxy: Proxy, _: Chain) -> None:
        proxy.tamper["eth_getLogs"] = lambda found: change(found) if len(found) > 2 else found

    return lie


def second(**changes: str) -> Callable[[list[Any]], list[Any]]:
    return lambda found: [found[0], {**found[1], **changes}, *found[2:]]


def flip_in_batch(found: list[Any]) -> list[Any]:
    digits = found[1]["data"]
    at = 2 + 2 * 80  # in the batch, which begins after two words
    flipped = digits[:at] + ("0" if digits[at] != "0" else "1") + digits[at + 1 :]
    return second(data=flipped)(found)


def exchange(*names: str) -> Callable[[list[Any]], list[Any]]:
    """Exchange these members of the second and the third log."""

    def exchanged(found: list[Any]) -> list[Any]:
        one, other = dict(found[1]), dict(found[2])
        for name in names:
            one[name], other[name] = found[2][name], found[1][name]
        return [found[0], one, other, *found[3:]]

    return exchanged


def blocks(**changes: str) -> Callable[[Proxy, Chain], None]:
    def lie(proxy: Proxy, _: Chain) -> None:
        proxy.tamper["eth_getBlockByNumber"] = lambda block: {**block, **changes}

    return lie


def proofs(change: Callable[[Any], Any]) -> Callable[[Proxy, Chain], None]:
    def lie(proxy: Proxy, _: Chain) -> None:
        proxy.tamper["eth_getProof"] = change

    return lie


def slots(change: Callable[[list[str]], list[str]]) -> Callable[[Any], Any]:
    """Change the proof of each slot."""
    return lambda proof: {
        **proof,
        "storageProof": [
            {**slot, "proof": change(slot["proof"])} for slot in proof["storageProof"]
        ],
    }


def account(change: Callable[[list[str]], list[str]]) -> Callable[[Any], Any]:
    return lambda proof: {**proof, "accountProof": change(proof["accountProof"])}


def flip_last(path: list[str]) -> list[str]:
    return [*path[:-1], path[-1][:-1] + ("0" if path[-1][-1] != "0" else "1")]


def truncated(path: list[str]) -> list[str]:
    return path[:-1]


def claim(proof: Any) -> Any:
    """Another value than the proof proves, and another code: nothing of it is read."""
    values = [{**slot, "value": "0x7"} for slot in proof["storageProof"]]
    return {**proof, "codeHash": "0x" + "00" * 32, "storageProof": values}


def prove_another_contract(proxy: Proxy, _: Chain) -> None:
    proxy.rewrite["eth_getProof"] = lambda params: [NOBODY, *params[1:]]


def call_another_contract(proxy: Proxy, _: Chain) -> None:
    proxy.tamper["eth_call"] = lambda _: "0x" + "ab" * 32


def be_another_chain(proxy: Proxy, _: Chain) -> None:
    proxy.tamper["eth_chainId"] = lambda _: "0x1"


def list_another_contract(proxy: Proxy, _: Chain) -> None:
    proxy.rewrite["eth_getLogs"] = lambda params: [{**params[0], "address": NOBODY}]


ENTRY_LIES = [
    pytest.param(logs(lambda found: found[:1] + found[2:]), "ledger_entry_missing", id="drops"),
    pytest.param(logs(flip_in_batch), "ledger_entry_altered", id="flips a byte"),
    pytest.param(logs(exchange("data")), "ledger_entry_altered", id="exchanges two batches"),
    pytest.param(logs(exchange("topics")), "ledger_entries_reordered", id="reorders two"),
    pytest.param(
        logs(second(blockTimestamp="0x1")), "ledger_entry_altered", id="back-dates an entry"
    ),
    pytest.param(list_another_contract, "ledger_entry_missing", id="logs of another contract"),
]
PROOF_LIES = [
    pytest.param(proofs(account(flip_last)), "ledger_forged_proof", id="forged account"),
    pytest.param(proofs(slots(flip_last)), "ledger_forged_proof", id="forged storage"),
    pytest.param(proofs(account(truncated)), "ledger_forged_proof", id="account cut short"),
    pytest.param(proofs(slots(truncated)), "ledger_forged_proof", id="storage cut short"),
    pytest.param(proofs(slots(lambda _: [])), "ledger_forged_proof", id="no storage"),
    pytest.param(proofs(lambda _: None), "ledger_malformed_answer", id="no proof"),
    pytest.param(prove_another_contract, "ledger_forged_proof", id="proof of another contract"),
    pytest.param(call_another_contract, "ledger_wrong_log", id="another log id"),
    pytest.param(be_another_chain, "ledger_wrong_chain", id="another chain"),
]
HEADER_LIES = [
    pytest.param(blocks(timestamp="0x1"), "ledger_forged_header", id="back-dates a block"),
    pytest.param(blocks(stateRoot="0x" + "ab" * 32), "ledger_forged_header", id="another state"),
    pytest.param(blocks(hash="0x" + "ab" * 32), "ledger_forged_header", id="a wrong hash"),
    pytest.param(blocks(number="latest"), "ledger_malformed_answer", id="no number"),
]
Lie = Callable[[Proxy, Chain], None]


@pytest.mark.parametrize(("lie", "code"), ENTRY_LIES + PROOF_LIES)
def test_a_node_that_lies_about_what_a_header_proves(
    chain: Chain, nodes: list[Proxy], truth: Resolution, lie: Lie, code: str
) -> None:
    """Alone it ends the question; beside an honest node it is passed over, and named."""
    liar, honest, _ = nodes
    lie(liar, chain)
    error = failure(chain.network(liar))
    kind = Undecided if code == "ledger_entry_missing" else Invalid
    assert (type(error), error.code) == (kind, code)
    # In which way entries are wrong, the reader tells; the nodes' list says whose they were.
    listed = "ledger_entry_altered" if code == "ledger_entries_reordered" else code
    assert resolved(chain.network(liar, honest)) == (truth, {(liar.url, listed)})
    liar.be_honest()
    assert resolved(chain.network(liar)) == (truth, set())


@pytest.mark.parametrize(("lie", "code"), HEADER_LIES)
def test_a_node_that_lies_about_headers(
    chain: Chain, nodes: list[Proxy], truth: Resolution, lie: Lie, code: str
) -> None:
    """Alone or as one of two it ends the question; of three it is passed over. It is named."""
    liar, honest, other = nodes
    lie(liar, chain)
    error = failure(chain.network(liar))
    assert (type(error), error.code) == (Invalid, code)
    assert liar.url in error.message
    error = failure(chain.network(liar, honest))
    assert (type(error), error.code) == (Undecided, "ledger_no_quorum")
    assert liar.url in error.message
    assert resolved(chain.network(liar, honest, other)) == (truth, {(liar.url, code)})
    liar.be_honest()
    assert resolved(chain.network(liar, honest)) == (truth, set())


def test_what_a_proof_merely_claims_is_not_read(
    chain: Chain, nodes: list[Proxy], truth: Resolution
) -> None:
    nodes[0].tamper["eth_getProof"] = claim
    assert resolved(chain.network(nodes[0])) == (truth, set())


# ---------------------------------------------------------------- a chain of its own


def test_a_block_of_a_nodes_own_making(chain: Chain, nodes: list[Proxy], truth: Resolution) -> None:
    """Nothing in it is inconsistent: whoever believes one node believes it. A quorum does not."""
    liar, honest, other = nodes
    forged = ForgedChain(chain.pin, chain.block("finalized"), (create(STRANGER),))
    liar.invent.update(forged.answers())
    with open_reader(chain.network(liar)) as deceived:
        assert deceived.resolve(STRANGER.short).registration is Registration.YES

    error = failure(chain.network(liar, honest))
    assert (type(error), error.code) == (Undecided, "ledger_nodes_disagree")
    assert liar.url in error.message
    assert honest.url in error.message
    with open_reader(chain.network(liar, honest, other)) as reader:
        assert reader.resolve(STRANGER.short).registration is Registration.NO
        assert reader.resolve(DEVICE.short) == truth
        named = {(warning.source, warning.code) for warning in reader.warnings()}
    assert (liar.url, "ledger_nodes_disagree") in named
    assert {source for source, _ in named} == {liar.url}

    liar.be_honest()
    assert resolved(chain.network(liar, honest)) == (truth, set())


def test_a_block_far_ahead_of_the_chain(
    chain: Chain, nodes: list[Proxy], truth: Resolution
) -> None:
    """It makes nobody else look late: that would stop a reader by one node."""
    liar, honest, other = nodes
    newest = chain.block("latest")
    ahead = {
        "number": hex(int(newest["number"], 16) + 1_000),
        "timestamp": hex(int(newest["timestamp"], 16) + 12_000),
    }
    invented = rehashed({**newest, **ahead})
    liar.invent["eth_getBlockByNumber"] = lambda _: invented
    found, named = resolved(chain.network(liar, honest, other))
    assert found == truth
    assert {code for source, code in named if source == liar.url} <= {
        "ledger_nodes_disagree",
        "ledger_malformed_answer",
    }
    assert {source for source, _ in named} == {liar.url}
    # Of two it cannot be told whether the one lies or the other withholds.
    error = failure(chain.network(liar, honest))
    assert (type(error), error.code) == (Undecided, "ledger_no_quorum")
    assert liar.url in error.message
    liar.be_honest()
    assert resolved(chain.network(liar, honest)) == (truth, set())


def test_code_of_a_nodes_own_making(chain: Chain, nodes: list[Proxy], truth: Resolution) -> None:
    forged = ForgedChain(chain.pin, chain.block("latest"), (create(STRANGER),), code_hash=bytes(32))
    nodes[0].invent.update(forged.answers())
    error = failure(chain.network(nodes[0]))
    assert (type(error), error.code) == (Invalid, "ledger_wrong_code")
    nodes[0].be_honest()
    assert resolved(chain.network(nodes[0])) == (truth, set())


# ---------------------------------------------------------------- what is withheld


def freeze(proxy: Proxy, height: int) -> None:
    """An old block is shown as the newest, truly; what came after it is withheld."""

    def rewritten(params: list[Any]) -> list[Any]:
        number = height if params[0] in TAGS else int(params[0], 16)
        return [hex(min(number, height)), *params[1:]]

    proxy.rewrite["eth_getBlockByNumber"] = rewritten


def test_an_old_head_of_one_node_shows_in_its_age(
    chain: Chain, nodes: list[Proxy], truth: Resolution
) -> None:
    """It is true, so it is believed, as of then; whoever decides does not, once it is too old."""
    network, height = chain.network(nodes[0]), chain.height_before(4)
    freeze(nodes[0], height)
    found, _ = resolved(network)
    assert len(found.versions) == 1
    shown = datetime.fromtimestamp(int(chain.block(height)["timestamp"], 16), UTC)
    assert found.as_of == shown
    age = timedelta(seconds=60)
    check_fresh(found, at=shown + age, max_age=age, step="test")
    with pytest.raises(Undecided) as caught:
        check_fresh(found, at=shown + age + timedelta(seconds=1), max_age=age, step="test")
    assert caught.value.code == "ledger_stale"
    nodes[0].be_honest()
    assert resolved(network) == (truth, set())


def test_an_old_head_is_named_by_a_quorum(
    chain: Chain, nodes: list[Proxy], truth: Resolution
) -> None:
    frozen, honest, other = nodes
    freeze(frozen, chain.height_before(4))
    error = failure(chain.network(frozen, honest))
    assert (type(error), error.code) == (Undecided, "ledger_node_behind")
    assert f"{frozen.url} is " in error.message
    assert resolved(chain.network(frozen, honest, other)) == (
        truth,
        {(frozen.url, "ledger_node_behind")},
    )
    frozen.be_honest()
    assert resolved(chain.network(frozen, honest)) == (truth, set())


def test_an_old_head_is_named_by_a_pinned_block(
    chain: Chain, nodes: list[Proxy], truth: Resolution
) -> None:
    """A node that withholds what the pinned block has is told, whatever it shows as its newest."""
    pinned = bytes.fromhex(chain.block("latest")["hash"][2:])
    frozen = nodes[0]
    network = chain.network(frozen)
    freeze(frozen, chain.height_before(4))
    with open_reader_at(network, pinned) as reader, pytest.raises(KeybornError) as caught:
        reader.resolve(DEVICE.short)
    assert (type(caught.value), caught.value.code) == (Invalid, "ledger_malformed_answer")
    assert frozen.url in caught.value.message
    frozen.invent["eth_getBlockByHash"] = lambda _: None
    with open_reader_at(network, pinned) as reader, pytest.raises(KeybornError) as caught:
        reader.resolve(DEVICE.short)
    assert (type(caught.value), caught.value.code) == (Undecided, "ledger_block_unknown")
    assert frozen.url in caught.value.message
    frozen.be_honest()
    with open_reader_at(network, pinned) as reader:
        assert versions(reader.resolve(DEVICE.short)) == versions(truth)


def versions(resolution: Resolution) -> list[str]:
    return [version.id for version in resolution.versions]


def test_a_verifier_with_one_node_ends_undecided_at_the_maximum_age(
    chain: Chain, nodes: list[Proxy], tmp_path: Path
) -> None:
    """The deactivation is withheld: the device comes in until the maximum age, and not after."""
    network = chain.network(nodes[0])
    with (
        closing(open_store(tmp_path / "verifier")) as store,
        open_reader(network) as reader,
    ):
        house = EthereumGatehouse(tmp_path, chain, reader, store)
        house.append(house.issuer.life.create())
        device = house.device(actor("withheld"))
        house.set_clock(chain)
        house.issuer.publish()
        credential = house.issuer.issue(device.actor.short)
        house.admit(device, credential)

        freeze(nodes[0], int(chain.block("latest")["number"], 16))
        house.append(copy(device).deactivate())
        house.wait(house.policy.max_ledger_age.total_seconds())
        house.admit(device, credential)
        house.wait(1)
        with undecided("ledger_stale", Check.HOLDER):
            house.admit(device, credential)
        nodes[0].be_honest()
        house.set_clock(chain)
        with pytest.raises(KeybornError) as caught:
            house.admit(device, credential)
        assert caught.value.code == "deactivated"


class EthereumGatehouse(Gatehouse):
    """A gatehouse whose log is the one on ``chain``."""

    def __init__(self, directory: Path, chain: Chain, reader: LogReader, store: Any) -> None:
        super().__init__(directory, chain.ledger, reader, store, datetime.now(UTC))  # type: ignore[arg-type]
        self.chain = chain
        assert self.issuer.life.actor == ISSUER

    @property
    def network(self) -> Network:
        return self.chain.network(self.chain.proxies[0])

    def append(self, *operations: Any) -> None:
        append(self.chain, batch(*operations))

    def set_clock(self, chain: Chain) -> None:
        """It is now what the newest block says."""
        self.now = datetime.fromtimestamp(int(chain.block("latest")["timestamp"], 16), UTC)


# ---------------------------------------------------------------- silence


def unanswered(chain: Chain, url: str) -> None:
    """Alone it is waited for until the deadline, and then it is undecided."""
    with ExitStack() as opened:
        found = open_log([url], chain.pin, opened, quorum=1, timeout=0.2)
        with (
            LogReader(found.log, Index.temporary(chain.pin.log_id)) as reader,
            pytest.raises(Undecided) as caught,
        ):
            reader.resolve(DEVICE.short)
    assert caught.value.code == "ledger_unreachable"
    assert url in caught.value.message


def test_a_node_that_answers_byte_by_byte(
    chain: Chain, nodes: list[Proxy], truth: Resolution
) -> None:
    with http_server(drip) as url:
        unanswered(chain, url)
        several = chain.network(*nodes[:2], quorum=2)
        with open_reader(replace(several, rpc=(url, *several.rpc))) as reader:
            assert reader.resolve(DEVICE.short) == truth
    assert resolved(chain.network(nodes[0])) == (truth, set())


def test_a_node_that_stalls(chain: Chain, nodes: list[Proxy], truth: Resolution) -> None:
    """Of three it holds nobody up."""
    stalled, honest, other = nodes
    stalled.gate.clear()
    unanswered(chain, stalled.url)
    with open_reader(chain.network(stalled, honest, other)) as reader:
        assert reader.resolve(DEVICE.short) == truth
        # The answer came though the node never gave its own: it still holds what it was asked.
        assert not stalled.gate.is_set()
        assert "eth_getProof" not in stalled.calls
        stalled.be_honest()
        assert {warning.source for warning in reader.warnings()} <= {stalled.url}  # once it is told
        assert reader.resolve(DEVICE.short) == truth
        assert reader.warnings() == ()
