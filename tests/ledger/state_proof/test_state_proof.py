"""Proofs of a DID's state: made, carried, checked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER, actor
from operations import batch, create
from proving import PARAMETERS, Site, block_hash, check, deployed_site, site, tell

from did.errors import Invalid, Refused, Undecided
from did.resolution import Finality
from ledger.chain import LogEntry
from ledger.ethereum.proof import NODES
from ledger.network import open_reader
from ledger.state_proof import making
from ledger.state_proof.check import Proven, compare_with_log
from ledger.state_proof.form import (
    FILE_BYTES,
    PASSED_BYTES,
    Passed,
    decode_state_proof,
    encode_state_proof,
)
from ledger.state_proof.making import Made
from ledger.state_proof.report import made_text


@pytest.fixture(scope="module", params=PARAMETERS)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with site(request.param, tmp_path_factory.mktemp("site")) as made:
        tell(made)
        yield made


@pytest.fixture(scope="module")
def made(told: Site) -> Made:
    return told.make(DEVICE.did)


def compare(told: Site, proven: Proven) -> None:
    with open_reader(told.network) as reader:
        newest = reader.sync().latest.sequence
        compare_with_log(
            proven,
            reader.versions(proven.proof.id),
            newest,
            reader.head_at(proven.head.sequence),
        )


def test_it_shows_the_operations_and_passes_over_the_rest(made: Made) -> None:
    proof = made.proven.proof
    assert [type(link) for link in proof.chain] == [
        *(LogEntry, Passed, LogEntry, Passed, LogEntry, Passed)
    ]
    assert (proof.first, proof.id) == (2, DEVICE.did.id)
    assert [len(link) for link in proof.chain if isinstance(link, Passed)] == [1, 1, 2]
    assert made.later == 0


def test_it_says_what_a_reader_of_the_log_says(told: Site, made: Made) -> None:
    with open_reader(told.network) as reader:
        versions = reader.resolve(DEVICE.short).versions
        heads = reader.sync()
    proven = made.proven
    assert [
        (shown.state.number, shown.state.operation, shown.state.key, shown.entry.sequence)
        for shown in proven.operations
    ] == [(v.number, v.operation, v.key, v.sequence) for v in versions]
    assert [shown.entry.block_time for shown in proven.operations] == [v.time for v in versions]
    assert (proven.head.sequence, proven.head.head) == (8, heads.finalized.head)
    assert proven.entries == 4
    compare(told, proven)


def test_it_is_the_same_after_the_journey(told: Site, made: Made) -> None:
    data = encode_state_proof(made.proven.proof)
    read = decode_state_proof(data)
    assert encode_state_proof(read) == data
    again = check(told, read, block_hash(made.proven))
    assert again.operations == made.proven.operations
    assert again.head == made.proven.head


def test_one_that_begins_with_the_log(told: Site) -> None:
    proven = told.make(STRANGER.did).proven
    assert (proven.proof.first, proven.proof.before) == (1, told.network.log_id)
    assert proven.state.number == 0
    assert proven.entries == 7


def test_a_deactivation_is_shown_as_the_end(tmp_path: Path) -> None:
    with site("embedded", tmp_path) as fresh:
        life = tell(fresh)
        fresh.append(life.deactivate())
        proven = fresh.make(DEVICE.did).proven
        assert (proven.state.number, proven.state.key, proven.state.next) == (3, None, None)
        compare(fresh, proven)


def test_what_came_later_is_told_with_the_log(tmp_path: Path) -> None:
    with site("embedded", tmp_path) as fresh:
        life = tell(fresh)
        proven = fresh.make(DEVICE.did).proven
        fresh.append(create(actor("f")))
        compare(fresh, proven)
        fresh.append(life.rotate())
        with pytest.raises(Refused) as caught:
            compare(fresh, proven)
        assert caught.value.code == "state_proof_outdated"
        assert "entry 10" in caught.value.message


def test_a_log_that_lags_decides_nothing(made: Made) -> None:
    with pytest.raises(Undecided) as caught:
        compare_with_log(made.proven, (), 7, None)
    assert (caught.value.code, caught.value.retry_after) == ("state_proof_ahead", 5)


def test_a_head_that_the_log_does_not_have(made: Made) -> None:
    with pytest.raises(Invalid) as caught:
        compare_with_log(made.proven, (), 8, bytes(32))
    assert caught.value.code == "state_proof_not_on_log"


@pytest.mark.parametrize("told", PARAMETERS[1:], indirect=True)
def test_what_is_not_final_yet_is_proven_only_on_request(told: Site, tmp_path: Path) -> None:
    anvil = told.anvil
    assert anvil is not None
    fresh = deployed_site(anvil, tmp_path / "network.toml")
    life = tell(fresh)
    newcomer = actor("newcomer")
    fresh.ledger.submit(fresh.ledger.prepare(batch(create(newcomer), life.rotate())))
    anvil.mine()
    made = fresh.make(DEVICE.did)
    assert made.later == 1
    assert "1 more on the log, after this head" in made_text(made, "x", 1)
    with pytest.raises(Refused) as caught:
        fresh.make(newcomer.did)
    assert caught.value.code == "not_registered"
    assert "finalized" in caught.value.message
    proven = fresh.make(newcomer.did, Finality.LATEST).proven
    assert proven.head.sequence == 9
    anvil.reorg(1)
    anvil.mine(3)
    with pytest.raises(Undecided):  # the log ends before it now
        compare(fresh, proven)
    fresh.append(create(actor("other")))
    with pytest.raises(Invalid) as other:
        compare(fresh, proven)
    assert other.value.code == "state_proof_not_on_log"


def test_a_long_run_is_made_in_parts(
    told: Site, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_RUN", 1)
    again = told.make(DEVICE.did).proven.proof
    assert (again.first, again.before, again.chain) == (
        made.proven.proof.first,
        made.proven.proof.before,
        made.proven.proof.chain,
    )


def test_a_did_that_is_not_there(told: Site) -> None:
    with pytest.raises(Refused) as caught:
        told.make(actor("nobody").did)
    assert caught.value.code == "not_registered"


def test_the_ceiling_is_that_of_a_long_log() -> None:
    assert FILE_BYTES // PASSED_BYTES == 1_369_568
    assert NODES * 3 * 600 < FILE_BYTES
