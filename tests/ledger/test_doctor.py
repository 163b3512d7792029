"""``keyborn ledger doctor`` on an embedded ledger: the log, the registrar, the index, the clock."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER
from click.testing import CliRunner
from lying import fronted
from mirrors import fill
from operations import batch, create
from serving import serving

from did.keys import SigningKey
from keyborn import clock
from keyborn.checks import Check, Verdict, worst
from keyborn.cli import cli
from ledger.doctor.local import examine
from ledger.embedded.heads import EmbeddedPin
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.index_tables import Finding
from ledger.network import Network, open_reader, write_network
from ledger.reader import LogReader
from ledger.registrar.dispatch import Batching
from ledger.service import Service, embedded_service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with embedded_service(
        tmp_path / "ledger", batching=Batching(), finality_depth=0, block_seconds=1
    ) as made:
        yield made


@pytest.fixture
def network(service: Service) -> Iterator[Network]:
    with serving(service.app) as url:
        yield replace(service.network, url=url)


def of(checks: list[Check], subject: str) -> Check:
    (found,) = [check for check in checks if check.subject == subject]
    return found


def test_all_is_well(network: Network, tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    checks = examine(network, now=clock.now(), index=index)
    assert [check.subject for check in checks] == ["log", "clock", "registrar", "index"]
    assert worst(checks) is Verdict.OK
    assert "not there yet" in of(checks, "index").message
    with open_reader(network, index) as reader:
        reader.sync()
    checks = examine(network, now=clock.now(), index=index)
    assert worst(checks) is Verdict.OK
    assert "stands at entry 0, 0 behind" in of(checks, "index").message


def test_the_command_ends_with_0(network: Network, tmp_path: Path) -> None:
    write_network(tmp_path / "network.toml", network)
    args = ["ledger", "doctor", "--network", str(tmp_path / "network.toml")]
    told = CliRunner().invoke(cli, args)
    assert told.exit_code == 0, told.output
    assert "ok       log: stands at entry 0, of which 0 are final; verified" in told.stdout


def test_a_service_that_is_not_there(network: Network) -> None:
    gone = replace(network, url="http://127.0.0.1:1")
    checks = examine(gone, now=clock.now())
    assert [(each.subject, each.verdict) for each in checks] == [
        ("log", Verdict.UNKNOWN),
        ("registrar", Verdict.UNKNOWN),
    ]
    assert worst(examine(network, now=clock.now())) is Verdict.OK


def test_heads_that_another_key_signs(network: Network) -> None:
    assert isinstance(network.pin, EmbeddedPin)
    other = replace(network.pin, head_key=SigningKey.generate().public_key())
    checks = examine(replace(network, pin=other), now=clock.now())
    assert of(checks, "log").verdict is Verdict.WRONG
    assert of(checks, "registrar").verdict is Verdict.OK


def test_an_index_of_another_log(network: Network, tmp_path: Path) -> None:
    Index.open(tmp_path / "index.sqlite", bytes(32)).close()
    index = of(examine(network, now=clock.now(), index=tmp_path / "index.sqlite"), "index")
    assert (index.verdict, index.code) == (Verdict.WRONG, "index_of_another_log")


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[tuple[EmbeddedLedger, Path]]:
    """A ledger of whose past something is final, and the index of a reader that saw it."""
    path = tmp_path / "index.sqlite"
    with EmbeddedLedger(tmp_path / "log", final_depth=1) as ledger:
        ledger.submit(ledger.prepare(batch(create(DEVICE))))
        ledger.mine(1)
        with LogReader(ledger, Index.open(path, ledger.log_id)) as reader:
            reader.sync()
        yield ledger, path


def test_an_index_that_an_alarm_has_stopped(
    lives: tuple[EmbeddedLedger, Path], network: Network
) -> None:
    ledger, path = lives
    known = replace(network, pin=ledger.pin)
    before = of(examine(known, now=clock.now(), index=path), "index")
    assert before.verdict is Verdict.OK
    with Index.open(path, ledger.log_id) as index, index.writing() as writer:
        heads = writer.heads()
        assert heads is not None
        writer.record(Finding("ledger_fork", heads.finalized, heads.latest, alarm=True))
    after = of(examine(known, now=clock.now(), index=path), "index")
    assert (after.verdict, after.code) == (Verdict.WRONG, "ledger_fork")


def test_an_index_that_was_shown_contradictions(
    lives: tuple[EmbeddedLedger, Path], network: Network
) -> None:
    ledger, path = lives
    with Index.open(path, ledger.log_id) as index, index.writing() as writer:
        heads = writer.heads()
        assert heads is not None
        writer.record(Finding("ledger_rollback", heads.finalized, heads.latest, alarm=False))
    found = of(examine(replace(network, pin=ledger.pin), now=clock.now(), index=path), "index")
    assert (found.verdict, found.code) == (Verdict.WARNING, "ledger_rollback")


def test_a_mirror_is_held_against_the_log(
    lives: tuple[EmbeddedLedger, Path], tmp_path: Path
) -> None:
    ledger, _ = lives
    folder = tmp_path / "mirror"
    with fronted(ledger) as front:
        network = Network(ledger.pin, front.url, mirror=str(folder))

        def mirror() -> Check:
            return of(examine(network, now=clock.now()), "mirror")

        assert (mirror().verdict, mirror().code) == (Verdict.UNKNOWN, "mirror_missing")
        fill(folder, ledger)
        assert mirror().verdict is Verdict.OK
        assert "up to its newest final entry, 1" in mirror().message
        ledger.submit(ledger.prepare(batch(create(STRANGER))))
        ledger.mine(1)
        assert (mirror().verdict, mirror().code) == (Verdict.UNKNOWN, "mirror_entry_missing")


def test_a_clock_that_is_late(network: Network) -> None:
    late = examine(network, now=clock.now() - timedelta(hours=1))
    assert (of(late, "clock").verdict, of(late, "clock").code) == (Verdict.WRONG, "clock_behind")


def test_nothing_looked_at_is_not_well() -> None:
    assert worst([]) is Verdict.UNKNOWN


def test_a_key_for_an_embedded_ledger_is_wrong_usage(network: Network, tmp_path: Path) -> None:
    write_network(tmp_path / "network.toml", network)
    (tmp_path / "key").write_text("11" * 32)
    args = ["ledger", "doctor", "--network", str(tmp_path / "network.toml")]
    result = CliRunner().invoke(cli, [*args, "--key-file", str(tmp_path / "key")])
    assert result.exit_code == 2
    assert "embedded" in result.stderr
    assert CliRunner().invoke(cli, args).exit_code == 0
