"""The demo, as a researcher runs it: every refusal for its own reason, and the figures as data."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from click.testing import CliRunner

from demo import cli
from demo.cli import demo
from demo.play import Played
from demo.report import Narrator, Silent
from demo.stage import Outcome, Stage, ended_in_order
from demo.story import ACCEPTED, Result, Story

pytestmark = pytest.mark.e2e

REFUSALS: Final = {
    "challenge_used",
    "wrong_audience",
    "invalid_signature",
    "untrusted_issuer",
    "holder_not_subject",
    "key_superseded",
    "suspended",
    "revoked",
    "deactivated",
    "not_registered",
    "issuer_key_compromised",
}
FLEET_STEPS: Final = {"born", "submitted", "enrolled", "registered", "presented"}
# A registration alone in its transaction takes this much; so much at the most in company.
GAS_ALONE: Final = range(35_000, 40_000)


def played(*options: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-m", "keyborn", "demo", "--json", *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def assert_the_whole_story(told: dict[str, Any]) -> None:
    results = told["results"]
    assert told["as_expected"] is True
    assert (told["accepted"], told["refused"]) == (29, 11)
    assert all(result["got"] == result["expected"] for result in results)
    refused = [result["expected"] for result in results if result["expected"] != ACCEPTED]
    assert sorted(refused) == sorted(REFUSALS)
    assert all(result["why"] for result in results if result["expected"] != ACCEPTED)
    # Beside each refusal stands its repaired twin, and before them what all of it rests on.
    for number, result in enumerate(results):
        if result["expected"] != ACCEPTED:
            assert results[number + 1]["got"] == ACCEPTED
    assert sum(result["got"] == ACCEPTED for result in results) >= 2 * len(refused)
    assert 0 < sum(result["seconds"] for result in results) < 2 * told["seconds"]


def test_on_the_embedded_ledger() -> None:
    told = played()
    assert_the_whole_story(told)
    assert (told["ledger"], told["gas"], told["fleet"]) == ("embedded", [], None)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_ended_before_its_end_it_leaves_no_service_behind(tmp_path: Path, stop: int) -> None:
    folder = tmp_path / "stage"
    ready = folder / "ledger.ready"
    words = [sys.executable, "-m", "keyborn", "demo", "--json", "--keep", str(folder)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # inherited where ignored
    try:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.02)
        url = ready.read_text().strip()
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + stop, err
    assert (out, b"Traceback" in err) == (b"", False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_ended_while_a_service_starts_it_stops_that_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Untimely(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)  # in which the exception would strike here

    monkeypatch.setattr(subprocess, "Popen", Untimely)
    serve = ("ledger", "serve", "--dir", str(tmp_path / "ledger"), "--port", "0")
    with pytest.raises(SystemExit), ended_in_order(), Stage(tmp_path / "stage") as stage:
        stage.serve("ledger", *serve)
    assert [process.poll() is None for process in started] == [False]


@pytest.mark.ethereum
@pytest.mark.npm
def test_on_ethereum_with_a_fleet() -> None:
    told = played("--ledger", "ethereum", "--devices", "3")
    assert_the_whole_story(told)
    assert told["ledger"] == "ethereum"
    assert min(told["gas"]) in GAS_ALONE
    fleet = told["fleet"]
    assert (fleet["devices"], fleet["accepted"], fleet["failed"]) == (3, 3, 0)
    gas = fleet["gas"]
    assert gas["devices"] == 3
    assert gas["perDevice"] == pytest.approx(gas["total"] / 3, abs=1)
    assert 0 < gas["perDevice"] < max(GAS_ALONE)
    assert set(fleet["steps"]) == FLEET_STEPS
    for step in fleet["steps"].values():
        latency = step["latencyMs"]
        assert step["done"] == 3
        assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]


# When something goes otherwise


@dataclass
class Told:
    """A teller that remembers."""

    results: list[Result] = field(default_factory=list)

    def chapter(self, title: str) -> None:
        assert title

    def result(self, result: Result) -> None:
        self.results.append(result)


def accepted() -> Outcome:
    return Outcome(ACCEPTED, {"value": 1})


def refused() -> Outcome:
    return Outcome("revoked", {}, "the credential is revoked")


def ended(story: Story, fleet: dict[str, Any] | None = None) -> Played:
    return Played("embedded", 1.0, story.results, [], fleet)


def test_a_story_as_it_should_be() -> None:
    teller = Told()
    story = Story(teller)
    assert story.accept("is let in", accepted) == {"value": 1}
    story.refuse("a thief", "revoked", refused, repaired=("the owner", accepted))
    assert [result.scene for result in teller.results] == ["is let in", "a thief", "the owner"]
    assert ended(story).as_expected
    assert ended(story, {"failed": 0}).as_expected
    assert not ended(story, {"failed": 1}).as_expected
    assert not ended(story, {}).as_expected


@pytest.mark.parametrize(
    "tell",
    [
        lambda _story: None,
        lambda story: story.accept("is let in", refused),
        lambda story: story.refuse("a thief", "revoked", accepted, repaired=("owner", accepted)),
        lambda story: story.refuse("a thief", "suspended", refused, repaired=("owner", accepted)),
        lambda story: story.refuse("a thief", "revoked", refused, repaired=("owner", refused)),
    ],
    ids=["nothing at all", "refused", "a thief let in", "another reason", "the twin refused"],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_story_that_goes_otherwise_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tell: Any, options: list[str]
) -> None:
    def play(stage: Stage, teller: Narrator | Silent, **_: object) -> Played:
        assert stage.folder == tmp_path
        story = Story(teller)
        tell(story)
        return ended(story)

    monkeypatch.setattr(cli, "play", play)
    result = CliRunner().invoke(demo, [*options, "--keep", str(tmp_path)])
    assert result.exit_code == 1
    if options:
        assert json.loads(result.stdout)["as_expected"] is False
    monkeypatch.setattr(cli, "play", lambda _stage, teller, **_: ended(_well(Story(teller))))
    assert CliRunner().invoke(demo, [*options, "--keep", str(tmp_path)]).exit_code == 0


def _well(story: Story) -> Story:
    story.accept("is let in", accepted)
    return story


def test_a_service_that_does_not_start_ends_the_demo(tmp_path: Path) -> None:
    """With what it said, and the exit code of what could not be decided."""
    ended = subprocess.run(
        [sys.executable, "-m", "keyborn", "demo", "--json", "--keep", str(tmp_path / "file")],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "KEYBORN_FAULTS": "ledger.embedded.after_begin"},
    )
    assert ended.returncode == 3
    (error,) = [
        json.loads(line)["error"] for line in ended.stderr.splitlines() if line.startswith("{")
    ]
    assert error["code"] == "service_did_not_start"
    assert "killing this process" in error["message"]
