"""What `make fuzz` begins at, and what it once found, put to each target without the fuzzer."""

import random
import re
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from fuzz.ethereum import proven_seeds
from fuzz.run import _dictionary, _seeds
from fuzz.swelling import swollen
from fuzz.target import Broken, Target, taken
from fuzz.targets import REGRESSIONS, TARGETS
from pages import DOCS

from did.errors import Invalid, Refused, Unavailable

CPU = 2.0  # seconds for one input
MEMORY = 32 * 1_048_576  # bytes
MUTATIONS = 6  # of each seed
SWOLLEN = 2  # of each target

SEEDS = [(name, seed) for name, target in TARGETS.items() for seed in target.seeds()]
FOUND = sorted(path.relative_to(REGRESSIONS) for path in REGRESSIONS.glob("*/*"))


def measured(target: Target, data: bytes) -> bool:
    """As ``taken``; fails where it takes too long or too much."""
    tracemalloc.start()
    started = time.process_time()
    try:
        return taken(target, data)
    finally:
        spent, (_, most) = time.process_time() - started, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert spent < CPU
        assert most < MEMORY


@pytest.mark.parametrize(("name", "seed"), SEEDS)
def test_a_seed_is_taken_and_keeps_the_law(name: str, seed: str) -> None:
    target = TARGETS[name]
    data = target.seeds()[seed]
    assert len(data) <= target.max_bytes
    assert measured(target, data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_near_a_seed_keeps_the_law(name: str) -> None:
    chance = random.Random(name)
    target = TARGETS[name]
    for data in target.seeds().values():
        for _ in range(MUTATIONS):
            taken(target, mutated(data, chance))
    taken(target, b"")


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_large_takes_no_time_and_is_refused_in_few_words(name: str) -> None:
    for data in swollen(TARGETS[name], random.Random(name), SWOLLEN):
        started = time.process_time()
        taken(TARGETS[name], data)
        assert time.process_time() - started < CPU


def mutated(data: bytes, chance: random.Random) -> bytes:
    """``data`` with a byte changed, a piece cut out, or a piece doubled."""
    at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    pieces = (
        data[:at] + chance.randbytes(1) + data[at + 1 :],
        data[:at] + data[to:],
        data[:to] + data[at:],
    )
    return chance.choice(pieces)


@pytest.mark.parametrize("path", FOUND, ids=str)
def test_what_was_found_stays_found(path: Any) -> None:
    measured(TARGETS[path.parent.name], (REGRESSIONS / path).read_bytes())


def test_the_seeds_of_proof_files_prove_something() -> None:
    assert [len(proven.operations) for proven in proven_seeds()] == [3, 3]


def test_the_page_names_every_target() -> None:
    page = (DOCS / "how-to" / "fuzz-the-parsers.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| (`.*`) \|$", page, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`([^`]+)`", row)) == sorted(TARGETS)


def test_a_run_begins_at_seeds_and_regressions(tmp_path: Any) -> None:
    name = FOUND[0].parent.name
    folder = _seeds(TARGETS[name], tmp_path / "seeds", REGRESSIONS / name)
    put = {path.read_bytes() for path in folder.iterdir()}
    assert put == {
        *TARGETS[name].seeds().values(),
        *(path.read_bytes() for path in (REGRESSIONS / name).iterdir()),
    }


def test_words_are_written_as_the_fuzzer_reads_them(tmp_path: Any) -> None:
    target = Target(bytes, lambda *_: None, dict, words=(b'"a\\', b"\0"))
    assert _dictionary(target, tmp_path / "words") == [f"-dict={tmp_path / 'words'}"]
    assert (tmp_path / "words").read_text() == '"\\x22\\x61\\x5c"\n"\\x00"\n'


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_: object) -> None:
        raise error

    return call


REFUSAL = Invalid("a_code", "a message")
LAWFUL: Callable[..., None] = lambda *_: None  # noqa: E731


@pytest.mark.parametrize(
    ("read", "law", "found"),
    [
        (raising(IndexError()), LAWFUL, IndexError),
        (raising(Refused("a_code", "a message")), LAWFUL, Refused),
        (raising(Unavailable("a_code", "a message")), LAWFUL, Unavailable),
        (bytes, raising(REFUSAL), Broken),
        (bytes, raising(Broken("a law")), Broken),
        (bytes, raising(KeyError()), KeyError),
        (raising(Invalid("A code", "a message")), LAWFUL, Broken),
        (raising(Invalid("a_code", "two\nlines")), LAWFUL, Broken),
        (raising(Invalid("a_code", "x" * 10_000)), LAWFUL, Broken),
        (raising(Invalid("a_code", "\ud800")), LAWFUL, Broken),
    ],
)
def test_what_is_a_finding(
    read: Callable[..., Any], law: Callable[..., None], found: type[Exception]
) -> None:
    with pytest.raises(found):
        taken(Target(read, law, dict), b"")


def test_what_is_none() -> None:
    assert taken(Target(bytes, LAWFUL, dict), b"")
    assert not taken(Target(raising(REFUSAL), LAWFUL, dict), b"")
    assert not taken(
        Target(raising(Refused("a_code", "a message")), LAWFUL, dict, refusals=(Refused,)), b""
    )
