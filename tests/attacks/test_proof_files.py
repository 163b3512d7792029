"""A proof file in the hands of somebody who would have it say something else.

Whatever is altered is refused. What can be left out without a trace is listed too: these are the
limits that ``keyborn ledger check`` states, and the log itself shows each of them.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from actors import DEVICE, STRANGER, actor
from eth_hash.auto import keccak
from ethereum_support import Proxy, http_server, reply
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import Life
from proving import PARAMETERS, Site, block_hash, check, deployed_site, rival, site, tell
from values import cbor_values

from did import cbor
from did.errors import Invalid, KeybornError
from did.resolution import Finality
from ledger.chain import LogEntry, next_head
from ledger.ethereum.anvil import FINALITY_DEPTH
from ledger.ethereum.head_proof import fetch_head_proof
from ledger.ethereum.header import encode_header
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.network import open_reader
from ledger.state_proof.check import Proven, check_state_proof, compare_with_log
from ledger.state_proof.form import (
    FILE_BYTES,
    EthereumVoucher,
    Link,
    Passed,
    StateProof,
    decode_state_proof,
    encode_state_proof,
)
from ledger.state_proof.making import make_state_proof
from ledger.state_proof.report import checked


@dataclass(frozen=True)
class Case:
    site: Site
    data: bytes
    believed: bytes | None

    @property
    def proof(self) -> StateProof:
        return decode_state_proof(self.data)

    def check(self, data: bytes | StateProof) -> Proven:
        proof = data if isinstance(data, StateProof) else decode_state_proof(data)
        return check(self.site, proof, self.believed)

    def refusal(self, data: bytes | StateProof) -> str:
        with pytest.raises(Invalid) as caught:
            self.check(data)
        assert caught.value.step
        assert caught.value.hint
        return caught.value.code

    def with_chain(self, change: Callable[[list[Link]], list[Link]]) -> StateProof:
        return replace(self.proof, chain=tuple(change(list(self.proof.chain))))

    def against_log(self, proven: Proven) -> None:
        with open_reader(self.site.network) as reader:
            newest = reader.sync().latest.sequence
            versions = reader.versions(proven.proof.id)
            compare_with_log(proven, versions, newest, reader.head_at(proven.head.sequence))


@pytest.fixture(scope="module", params=PARAMETERS)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    with site(request.param, tmp_path_factory.mktemp("site")) as made:
        tell(made)
        yield case_of(made)


def case_of(made: Site) -> Case:
    proven = made.make(DEVICE.did).proven
    return Case(made, encode_state_proof(proven.proof), block_hash(proven))


on_ethereum = pytest.mark.parametrize("case", PARAMETERS[1:], indirect=True)
embedded = pytest.mark.parametrize("case", PARAMETERS[:1], indirect=True)


@pytest.fixture(autouse=True)
def positive_twin(case: Case) -> Iterator[None]:
    """After each attack: the file as it was made is still believed."""
    yield
    assert case.check(case.data).state.number == 2


# ---------------------------------------------------------------- alterations


def test_every_byte_altered(case: Case) -> None:
    believed = []
    for place in range(len(case.data)):
        data = bytearray(case.data)
        data[place] ^= 1 << place % 8
        try:
            case.check(bytes(data))
        except Invalid:
            continue
        believed.append(place)
    assert believed == []


def test_every_field_altered(case: Case) -> None:
    fields = list(alterations(cbor.decode(case.data, max_bytes=FILE_BYTES)))
    assert len(fields) > 60
    believed = []
    for what, value in fields:
        try:
            case.check(cbor.encode(value))
        except Invalid:
            continue
        believed.append(what)
    assert believed == []


def alterations(value: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every value altered, removed, repeated, and of another type."""
    part = value
    for step in path:
        part = part[step]
    if isinstance(part, list):
        for number in range(len(part)):
            yield from alterations(value, (*path, number))
        yield f"{path} with more", put(value, path, [*part, 0])
        # A node that is not on the path is passed over; all else that is there twice is not.
        changes: list[Any] = []
    elif isinstance(part, bytes):
        changes = [part[:-1], part + b"\0", b"", part[:-1] + bytes([part[-1] ^ 1])]
    elif isinstance(part, str):
        changes = [part + "x", part.encode()]
    else:
        changes = [part + 1, part - 1, str(part), None, 2**63, bool(part)]
    for change in changes:
        yield f"{path} as {change!r}", put(value, path, change)
    if path:
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        rest = holder[: path[-1]] + holder[path[-1] + 1 :]
        yield f"{path} removed", put(value, path[:-1], rest)


def put(value: Any, path: tuple[int, ...], part: Any) -> Any:
    if not path:
        return part
    copied = copy.deepcopy(value)
    place = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = part
    return copied


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\x80", b"\xf6", b"\x00", b"\xff", b"{}", b"\x81" * 100_000, b"\x9f\xff"),
        *(b"\xa1\x00" * 5_000, b"\xd9\xd9\xf7\x80", b"\x9b" + b"\xff" * 8, b"\x5b" + b"\xff" * 8),
    ],
    ids=lambda data: data[:4].hex(),
)
@embedded
def test_what_is_no_proof_at_all(case: Case, data: bytes) -> None:
    assert case.refusal(data) == "invalid_state_proof"


def test_more_bytes_at_the_end(case: Case) -> None:
    for more in (b"\0", b"\xf6", case.data):
        assert case.refusal(case.data + more) == "invalid_state_proof"
    assert case.refusal(case.data[:-1]) == "invalid_state_proof"


@embedded
def test_more_bytes_than_are_read(case: Case) -> None:
    assert case.refusal(bytes(FILE_BYTES + 1)) == "state_proof_too_large"


@embedded
@settings(max_examples=40)
@given(value=cbor_values, place=st.integers(0, 6))
def test_anything_in_the_place_of_a_part(case: Case, value: Any, place: int) -> None:
    parts: Any = cbor.decode(case.data, max_bytes=FILE_BYTES)
    if parts[place] != value:
        assert case.refusal(cbor.encode([*parts[:place], value, *parts[place + 1 :]]))


# ---------------------------------------------------------------- the chain


def hashed(entry: Link) -> Passed:
    assert isinstance(entry, LogEntry)
    return Passed.of([entry])


def test_entries_left_out(case: Case) -> None:
    for number in range(len(case.proof.chain)):
        shorter = case.with_chain(lambda chain, n=number: chain[:n] + chain[n + 1 :])
        assert case.refusal(shorter) in ("state_proof_broken", "state_proof_no_effect")


def test_entries_reordered(case: Case) -> None:
    assert (
        case.refusal(case.with_chain(lambda c: [c[2], c[1], c[0], *c[3:]])) == "state_proof_broken"
    )
    assert case.refusal(case.with_chain(lambda c: [c[0], *c[3:], *c[1:3]])) == "state_proof_broken"
    # Two runs in a row could be written as one, so it is not a file's one form.
    doubled = case.with_chain(lambda c: [*c, c[-1]])
    with pytest.raises(Invalid) as caught:
        decode_state_proof(encode_state_proof(doubled))
    assert caught.value.code == "invalid_state_proof"


@pytest.mark.parametrize("name", ["block_number", "block_time", "kind"])
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("by", [1, 100])
def test_an_entry_in_another_block_or_at_another_time(
    case: Case, name: str, place: int, by: int
) -> None:
    def moved(chain: list[Link]) -> list[Link]:
        entry = chain[place]
        assert isinstance(entry, LogEntry)
        chain[place] = replace(entry, **{name: getattr(entry, name) + by})  # type: ignore[arg-type]
        return chain

    assert case.refusal(case.with_chain(moved)) == "state_proof_broken"


def test_another_place_on_the_log(case: Case) -> None:
    for first in (1, 3, 2**62):
        assert case.refusal(replace(case.proof, first=first)) == "state_proof_broken"
    assert case.refusal(replace(case.proof, before=case.proof.log_id)) == "state_proof_broken"


def test_numbers_beyond_all_reason(case: Case) -> None:
    last = 2**63 - 1
    far = replace(case.proof, first=last)
    run = Passed(b"\0" * 33 + bytes(8) + (last + 1).to_bytes(8, "big"))
    late = case.with_chain(lambda c: [c[0], run, *c[2:]])
    for proof in (far, late):
        assert case.refusal(encode_state_proof(proof)) == "invalid_state_proof"


def test_another_beginning_of_the_log(case: Case) -> None:
    whole = case.site.make(STRANGER.did).proven.proof
    assert case.check(whole).proof.first == 1
    assert case.refusal(replace(whole, before=bytes(32))) == "state_proof_broken"


def test_a_batch_left_out_in_the_middle(case: Case) -> None:
    """The chain of hashes is whole; the chain of operations is not."""
    for number in (0, 2):
        proof = case.with_chain(
            lambda c, n=number: [*c[:n], hashed(c[n]), *c[n + 1 :]]  # as the runs beside it
        )
        assert case.refusal(proof) == "state_proof_no_effect"


def test_a_batch_shown_that_changes_nothing(case: Case) -> None:
    whole = case.site.make(STRANGER.did).proven.proof
    assert case.refusal(replace(whole, id=DEVICE.did.id)) == "state_proof_no_effect"
    with open_reader(case.site.network) as reader:
        reader.sync()
        void = next(iter(reader.entries(3, 3)))
    shown = case.with_chain(lambda c: [c[0], void, *c[2:]])
    assert case.refusal(shown) == "state_proof_no_effect"


def test_another_did(case: Case) -> None:
    assert case.refusal(replace(case.proof, id=STRANGER.did.id)) == "state_proof_no_effect"


# ---------------------------------------------------------------- what vouches for the head


def test_another_log(case: Case) -> None:
    assert case.refusal(replace(case.proof, log_id=bytes(32))) == "ledger_wrong_log"


@embedded
def test_a_signed_head_of_another_log_or_key(case: Case, tmp_path: Path) -> None:
    with site("embedded", tmp_path) as other:
        tell(other)
        theirs = other.make(DEVICE.did).proven.proof
        assert case.refusal(theirs) == "ledger_wrong_log"
        swapped = replace(case.proof, voucher=theirs.voucher)
        assert case.refusal(swapped) == "ledger_wrong_log"
        pin = replace(case.site.network.pin, head_key=DEVICE.key.public_key())
        with pytest.raises(Invalid) as caught:
            check_state_proof(case.proof, pin=pin, block_hash=None)
        assert caught.value.code == "ledger_forged_head"


@embedded
def test_a_signed_head_that_is_older(tmp_path: Path) -> None:
    with site("embedded", tmp_path) as fresh:
        life = Life(DEVICE, fresh.ledger.log_id)
        fresh.append(life.create())
        old = case_of(fresh).proof
        fresh.append(life.rotate())
        new = Case(fresh, encode_state_proof(fresh.make(DEVICE.did).proven.proof), None)
        assert new.refusal(replace(new.proof, voucher=old.voucher)) == "state_proof_broken"
        assert new.check(new.proof).state.number == 1
        # What was true then is true still: it is for the log to say that something followed.
        assert new.check(old).state.number == 0


@on_ethereum
def test_another_block(case: Case) -> None:
    voucher = case.proof.voucher
    assert isinstance(voucher, EthereumVoucher)
    assert case.believed is not None
    with pytest.raises(Invalid) as caught:
        check(case.site, case.proof, bytes(32))
    assert caught.value.code == "state_proof_wrong_block"
    assert case.believed.hex() in str(caught.value.value)
    # A header of the attacker's own making has another hash.
    forged = replace(voucher, header=voucher.header[:-1] + b"\0")
    assert case.refusal(replace(case.proof, voucher=forged)) == "state_proof_wrong_block"


@on_ethereum
def test_a_believed_block_of_another_state(case: Case) -> None:
    """An older block of the same chain: the proofs do not fit its state root."""
    voucher = case.proof.voucher
    assert isinstance(voucher, EthereumVoucher)
    assert case.site.anvil is not None
    block = case.site.anvil.node.call("eth_getBlockByNumber", "0x1", False)
    older = replace(voucher, header=encode_header(block))
    with pytest.raises(Invalid) as caught:
        check(case.site, replace(case.proof, voucher=older), keccak(older.header))
    assert caught.value.code == "ledger_forged_proof"


@on_ethereum
@pytest.mark.parametrize(
    "header", [b"", b"\x80", b"\xc0", b"\xff" * 40, b"\xd0" + b"\x80" * 16, b"\xcf" + b"\xc0" * 15]
)
def test_a_believed_hash_of_what_is_no_header(case: Case, header: bytes) -> None:
    voucher = case.proof.voucher
    assert isinstance(voucher, EthereumVoucher)
    proof = replace(case.proof, voucher=replace(voucher, header=header))
    with pytest.raises(Invalid) as caught:
        check(case.site, proof, keccak(header))
    assert caught.value.code == "ledger_malformed_answer"


@on_ethereum
def test_another_contract(case: Case, tmp_path: Path) -> None:
    assert case.site.anvil is not None
    other = case_of_other(case, tmp_path)
    pin = case.site.network.pin
    assert isinstance(pin, EthereumPin)
    # As it is, it is of another log; its id exchanged, of another contract; and both, of another
    # block's state than the one that was asked about.
    assert case.refusal(other.proof) == "ledger_wrong_log"
    renamed = replace(other.proof, log_id=pin.log_id)
    with pytest.raises(Invalid) as caught:
        check(case.site, renamed, other.believed)
    assert caught.value.code == "ledger_wrong_contract"
    voucher = other.proof.voucher
    assert isinstance(voucher, EthereumVoucher)
    moved = replace(renamed, voucher=replace(voucher, contract=pin.address))
    with pytest.raises(Invalid) as caught:
        check(case.site, moved, other.believed)
    assert caught.value.code == "ledger_forged_proof"
    # Without a network file, the code tells what log the contract is.
    with pytest.raises(Invalid) as caught:
        check_state_proof(renamed, pin=None, block_hash=other.believed)
    assert caught.value.code == "ledger_wrong_code"
    assert other.check(other.proof).state.number == 2


def case_of_other(case: Case, tmp_path: Path) -> Case:
    assert case.site.anvil is not None
    other = deployed_site(case.site.anvil, tmp_path / "other.toml")
    tell(other)
    return case_of(other)


@on_ethereum
def test_a_contract_that_bears_the_same_log_id(case: Case, tmp_path: Path) -> None:
    """Anybody can put the same code elsewhere, with a head of their own: the address is the pin.

    Without a network file this is believed, and the contract is named as merely stated.
    """
    assert case.site.anvil is not None
    node, pin = case.site.anvil.node, case.site.network.pin
    assert isinstance(pin, EthereumPin)
    twin = b"\x11" * 20
    life = Life(actor("invented"), pin.log_id)
    other = deployed_site(case.site.anvil, tmp_path / "other.toml")
    other.append(life.create())
    invented = other.make(life.actor.did).proven
    (entry,) = invented.proof.chain
    assert isinstance(entry, LogEntry)
    chain = replace(invented.proof, log_id=pin.log_id, before=pin.log_id)
    head = next_head(pin.log_id, replace(entry, sequence=1))
    node.call("anvil_setCode", checksum(twin), node.call("eth_getCode", pin.contract, "latest"))
    for slot, word in enumerate((head, (1).to_bytes(32, "big"))):
        node.call("anvil_setStorageAt", checksum(twin), f"0x{slot:064x}", "0x" + word.hex())
    case.site.anvil.mine(FINALITY_DEPTH + 1)  # as ``AnvilNode.fund`` has it
    block = node.call("eth_getBlockByNumber", "latest", False)
    header = encode_header(block)
    proof = fetch_head_proof(node, checksum(twin), keccak(header))
    forged = replace(chain, voucher=EthereumVoucher(pin.chain_id, twin, header, proof))
    with pytest.raises(Invalid) as caught:
        check(case.site, forged, keccak(header))
    assert caught.value.code == "ledger_wrong_contract"
    believed = check_state_proof(forged, pin=None, block_hash=keccak(header))
    said: Any = checked(believed, None)
    assert f"contract {checksum(twin)}" in said["stated"]
    assert any("anybody can deploy" in sentence for sentence in said["doesNotProve"])


@on_ethereum
def test_the_chain_id_is_nobodys_proof(case: Case) -> None:
    voucher = case.proof.voucher
    assert isinstance(voucher, EthereumVoucher)
    moved = replace(case.proof, voucher=replace(voucher, chain_id=1))
    assert case.refusal(moved) == "ledger_wrong_contract"
    said: Any = checked(check_state_proof(moved, pin=None, block_hash=case.believed), None)
    assert "chain id 1" in said["stated"]


def test_a_proof_checked_as_one_of_another_kind_of_ledger(case: Case) -> None:
    for pin, believed in ((None, None), (case.site.network.pin, None), (None, bytes(32))):
        if case.site.anvil is None and pin is not None:
            continue
        with pytest.raises(Invalid) as caught:
            check_state_proof(case.proof, pin=pin, block_hash=believed)
        assert caught.value.code in ("ledger_wrong_log", "state_proof_wrong_block")


# ---------------------------------------------------------------- the limits, as they are stated


def stated(proven: Proven) -> str:
    said: Any = checked(proven, None)
    return " ".join(said["doesNotProve"])


def test_the_last_operation_left_out(case: Case) -> None:
    """An older state, under a newer head: nothing offline can tell."""
    older = case.with_chain(
        lambda c: [*c[:3], Passed(b"".join(run.records for run in (c[3], hashed(c[4]), c[5])))]  # type: ignore[union-attr]
    )
    proven = case.check(decode_state_proof(encode_state_proof(older)))
    assert proven.state.number == 1
    assert "That no other operation of the DID followed" in stated(proven)
    assert log_says(case, proven) == "state_proof_contradicted"


def test_a_repeated_creation_passed_off_as_the_first(case: Case) -> None:
    """Entry 7 repeats it, after two rotations: shown alone, the birth key seems to be current."""
    with open_reader(case.site.network) as reader:
        reader.sync()
        before = reader.head_at(6)
        again, last = reader.entries(7, 8)
    assert before is not None
    proof = replace(case.proof, first=7, before=before, chain=(again, Passed.of([last])))
    proven = case.check(proof)
    assert proven.state.key == DEVICE.key.public_key().raw
    assert "the same operation may stand earlier" in stated(proven)
    assert log_says(case, proven) == "state_proof_contradicted"


@embedded
def test_a_controller_who_signed_two_updates_for_one_place(tmp_path: Path) -> None:
    """The first on the log took effect; a proof may show the second. Only the controller can."""
    with site("embedded", tmp_path) as fresh:
        life = Life(DEVICE, fresh.ledger.log_id)
        fresh.append(life.create())
        effective, other = rival(life)
        fresh.append(effective)
        fresh.append(other)
        honest = Case(fresh, encode_state_proof(fresh.make(DEVICE.did).proven.proof), None)
        with open_reader(fresh.network) as reader:
            reader.sync()
            first, second, third = reader.entries(1, 3)
        proven = honest.check(replace(honest.proof, chain=(first, Passed.of([second]), third)))
        assert proven.state.next == other.next
        assert "signed no other update in the place" in stated(proven)
        assert log_says(honest, proven) == "state_proof_contradicted"
        assert log_says(honest, honest.check(honest.proof)) is None


@embedded
def test_an_update_that_nobody_may_sign_stays_without_effect(tmp_path: Path) -> None:
    """A thief of the current key cannot take a place, shown or not."""
    with site("embedded", tmp_path) as fresh:
        life = Life(DEVICE, fresh.ledger.log_id)
        fresh.append(life.create())
        update = life.rotate()
        fresh.append(replace(update, reveal=DEVICE.key.public_key().raw))
        fresh.append(replace(update, signature=bytes(64)))
        fresh.append(update)
        proven = fresh.make(DEVICE.did).proven
        assert [shown.entry.sequence for shown in proven.operations] == [1, 4]


def log_says(case: Case, proven: Proven) -> str | None:
    try:
        case.against_log(proven)
    except KeybornError as error:
        return error.code
    return None


# ---------------------------------------------------------------- whoever makes one is lied to


@on_ethereum
def test_another_block_than_was_asked_for(case: Case) -> None:
    assert case.site.anvil is not None
    other = case.site.anvil.node.call("eth_getBlockByNumber", "0x1", False)
    with httpx.Client() as client:
        proxy = Proxy(case.site.anvil.url, client, tamper={"eth_getBlockByHash": lambda _: other})
        with http_server(lambda h, body: reply(h, proxy.answer(json.loads(body)))) as url:
            lied_to = replace(case.site, network=replace(case.site.network, rpc=(url,)))
            with pytest.raises(Invalid) as caught:
                lied_to.make(DEVICE.did)
            assert caught.value.code == "ledger_malformed_answer"
            proxy.tamper.clear()
            assert encode_state_proof(lied_to.make(DEVICE.did).proven.proof)


@embedded
@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (lambda entries: entries[:-1], "ledger_entry_missing"),
        (lambda entries: entries[1:], "ledger_entry_missing"),
        (
            lambda entries: [{**entries[0], "blockTime": 1}, *entries[1:]],
            "ledger_entry_altered",
        ),
    ],
)
def test_entries_that_do_not_lead_to_the_head(
    case: Case, tmp_path: Path, lie: Callable[[list[Any]], list[Any]], reason: str
) -> None:
    front = case.site.front
    assert front is not None
    index = tmp_path / "index"
    with open_reader(case.site.network, index) as reader:
        reader.sync()
        front.entries = lambda answer: {"entries": lie(answer["entries"])}
        try:
            with pytest.raises(Invalid) as caught:
                make_state_proof(case.site.network, reader, DEVICE.did, Finality.FINALIZED)
        finally:
            front.be_honest()
    assert caught.value.code == reason
