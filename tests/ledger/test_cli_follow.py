"""``keyborn ledger follow`` as a command: what it prints, and how it ends."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from actors import DEVICE, actor
from click.testing import CliRunner, Result
from lying import Front, fronted
from mirrors import sequences, served
from operations import batch, create

from keyborn.cli import cli
from ledger import cli_follow
from ledger.embedded.store import EmbeddedLedger
from ledger.network import Network, write_network
from ledger.operations import Operation

SECONDS = 60


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path / "ledger", final_depth=2, safe_depth=1) as made:
        append(made, create(DEVICE))
        yield made


@pytest.fixture
def front(ledger: EmbeddedLedger) -> Iterator[Front]:
    with fronted(ledger) as made:
        yield made


@pytest.fixture
def words(tmp_path: Path, ledger: EmbeddedLedger, front: Front) -> tuple[str | Path, ...]:
    network = tmp_path / "network.toml"
    write_network(network, Network(ledger.pin, front.url))
    return (*_FOLLOW, "--network", network, "--index", tmp_path / "index.sqlite")


_FOLLOW = ("ledger", "follow")


def append(ledger: EmbeddedLedger, *operations: Operation) -> None:
    ledger.submit(ledger.prepare(batch(*operations)))


def run(*words: str | Path) -> Result:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


class Lines:
    """What the command prints, line by line, as it prints it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[tuple[str, bool]] = []
        self._news = threading.Condition()
        echo = click.echo

        def heard(message: str, *, err: bool = False) -> None:
            echo(message, err=err)
            with self._news:
                self.said.append((message, err))
                self._news.notify_all()

        monkeypatch.setattr(cli_follow.click, "echo", heard)

    def until(self, part: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: any(part in line for line, _ in self.said), SECONDS)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    return Lines(monkeypatch)


def meanwhile(story: Callable[[], None], *words: str | Path, how: signal.Signals) -> Result:
    """Run the command in this, the main thread, and a story in another; then a signal ends it."""
    failures: list[BaseException] = []

    def tell() -> None:
        try:
            story()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)
        os.kill(os.getpid(), how)

    thread = threading.Thread(target=tell)
    thread.start()
    result = run(*words)
    thread.join()
    for failure in failures:
        raise failure
    return result


def test_once(words: tuple[str | Path, ...], tmp_path: Path, ledger: EmbeddedLedger) -> None:
    text = run(*words, "--once")
    assert (text.exit_code, text.stderr) == (0, "")
    head = ledger.heads().latest.head.hex()
    assert text.stdout.endswith(f" latest 1, safe 0, finalized 0, head {head}\n")
    data = run(*words, "--once", "--json")
    event = json.loads(data.stdout)
    assert event["event"] == "heads"
    assert (event["latest"]["sequence"], event["latest"]["head"]) == (1, head)
    index = ("--network", tmp_path / "network.toml", "--index", tmp_path / "index.sqlite")
    resolved = run("resolve", DEVICE.short.text, *index, "--json")
    assert json.loads(resolved.stdout)["didDocument"]["id"] == DEVICE.short.text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_until_told_to_stop(
    words: tuple[str | Path, ...],
    lines: Lines,
    ledger: EmbeddedLedger,
    front: Front,
    how: signal.Signals,
) -> None:
    def story() -> None:
        lines.until("latest 1, safe 0")
        ledger.mine()
        lines.until("latest 1, safe 1, finalized 0")
        append(ledger, create(actor("a")))
        lines.until("latest 2, safe 1, finalized 1")
        ledger.reorg(1)
        append(ledger, create(actor("b")))
        lines.until("rolled back from entry 2 to entry 1, now at entry 2")
        front.heads = lambda _: b"no heads"
        lines.until("tries again")
        front.be_honest()
        lines.until("reads the log again")

    result = meanwhile(story, *words, "--poll", "0.05", how=how)
    assert result.exit_code == 0
    assert [line for line, err in lines.said if err] == result.stderr.splitlines()
    assert "ledger_malformed_answer" in result.stderr
    assert "reads the log again" not in result.stdout


def test_what_happens_as_json(
    words: tuple[str | Path, ...], lines: Lines, ledger: EmbeddedLedger, front: Front
) -> None:
    def story() -> None:
        lines.until('"heads"')
        ledger.reorg(1)
        lines.until('"reorganised"')
        front.heads = lambda _: b"no heads"
        lines.until('"failing"')
        front.be_honest()
        lines.until('"recovered"')

    result = meanwhile(story, *words, "--json", "--poll", "0.05", how=signal.SIGTERM)
    assert (result.exit_code, result.stderr) == (0, "")
    events: list[dict[str, Any]] = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == [
        *("heads", "reorganised", "heads", "failing", "recovered")
    ]
    assert (events[1]["from"]["sequence"], events[1]["common"]) == (1, 0)
    assert events[1]["to"] == events[2]["latest"]


def test_an_alarm_ends_it_with_exit_code_1(
    words: tuple[str | Path, ...], ledger: EmbeddedLedger
) -> None:
    ledger.mine(2)
    assert run(*words, "--once").exit_code == 0
    ledger.unsafe_reorg(3)
    append(ledger, create(actor("another past")))
    ledger.mine(2)
    for options in ((), ("--once",)):
        result = run(*words, *options, "--json")
        assert result.exit_code == 1
        event = json.loads(result.stdout)
        assert (event["event"], event["code"]) == ("alarm", "ledger_fork")
        assert event["seen"]["sequence"] == event["shown"]["sequence"] == 1
        assert event["seen"]["head"] != event["shown"]["head"]
        assert event["seen"]["evidence"] != event["shown"]["evidence"]
        assert json.loads(result.stderr)["error"]["code"] == "ledger_fork"
    assert "alarm: " in run(*words).stdout


def test_a_mirror_is_kept_and_served_and_followed(
    words: tuple[str | Path, ...], tmp_path: Path, ledger: EmbeddedLedger, front: Front
) -> None:
    append(ledger, create(actor("a")), create(actor("b")))
    mirror = tmp_path / "mirror"
    assert run(*words, "--mirror-out", mirror, "--once").exit_code == 0
    assert sequences(mirror) == [1, 2]
    network = ("--network", tmp_path / "network.toml")
    front.asked.clear()
    with served(mirror) as url:
        for place in (url, os.path.relpath(mirror), mirror):
            resolved = run("resolve", actor("a").short.text, *network, "--mirror", place)
            assert resolved.exit_code == 0, resolved.stderr
            assert "registered    2" in resolved.stdout
        other = (*_FOLLOW, *network, "--index", tmp_path / "other", "--mirror", url, "--once")
        assert run(*other, "--mirror-out", tmp_path / "copy").exit_code == 0
        assert run("ledger", "status", *network, "--mirror", url).exit_code == 0
    assert sequences(tmp_path / "copy") == [1, 2]
    assert [asked for asked in front.asked if "entries" in asked] == []
    absent = run("resolve", DEVICE.short.text, *network, "--mirror", tmp_path / "none")
    assert (absent.exit_code, absent.stdout) == (3, "")
    assert "mirror_missing" in absent.stderr
    wrong = run("resolve", DEVICE.short.text, *network, "--mirror", "ftp://mirror.example")
    assert (wrong.exit_code, "mirror_bad_place" in wrong.stderr) == (1, True)


def test_once_does_not_wait_for_what_is_gone(words: tuple[str | Path, ...], front: Front) -> None:
    front.heads = lambda _: b"no heads"
    result = run(*words, "--once")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ledger_malformed_answer" in result.stderr


def test_a_mirror_is_not_kept_of_itself(words: tuple[str | Path, ...], tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    result = run(*words, "--once", "--mirror", folder, "--mirror-out", folder)
    assert result.exit_code == 2
    assert "--mirror-out" in result.stderr
    assert not folder.exists()
    assert run(*words, "--once", "--mirror-out", folder).exit_code == 0


def test_a_second_interrupt_ends_what_does_not_answer(
    words: tuple[str | Path, ...], front: Front
) -> None:
    """Guards against a follower that has to be killed, since the ledger keeps silent."""
    told = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def heads(_: object) -> bytes:
        for each in (signal.SIGINT, signal.SIGTERM):  # the first is no end: it waits for an answer
            signal.pthread_kill(main, each)
        told.wait(SECONDS)
        return b""

    front.heads = heads
    started = time.monotonic()
    result = run(*words)
    told.set()
    assert result.exit_code == 130
    assert "interrupted" in result.stderr
    assert time.monotonic() - started < SECONDS / 10
