"""Every target, or some, under coverage-guided fuzzing, one after the other: `make fuzz-parsers`.

    python -m fuzz.run [--target NAME...] [--seconds 600] [--seed N]

What was found worth keeping is kept in ``.fuzz/corpus`` and is where the next run begins, at the
target's seeds and regressions besides. With a seed, a run begins at those alone, so that it takes
the same course; how far it comes is up to the machine. A finding ends the target's run: its input
goes to ``.fuzz/findings``, and what it broke stands in ``.fuzz/logs``.
"""

import multiprocessing
import re
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fuzz.arguments import one_of, parser, positive
from fuzz.target import Target
from fuzz.targets import REGRESSIONS, TARGETS

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / ".fuzz"
SECONDS_OF_ONE: Final = 120  # for one input, on a machine that does much else; see fuzz.engine.CPU
MEGABYTES: Final = 2_048
_SEED_BITS: Final = 31

FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["fuzz.engine"])

_STATISTICS: Final = {
    "runs": re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE),
    "each second": re.compile(r"^stat::average_exec_per_sec:\s*(\d+)", re.MULTILINE),
    "edges": re.compile(r"^#\d+\s.* cov: (\d+)", re.MULTILINE),
    "corpus": re.compile(r"^#\d+\s.* corp: (\d+)", re.MULTILINE),
    "MB": re.compile(r"^stat::peak_rss_mb:\s*(\d+)", re.MULTILINE),
}


@dataclass(frozen=True)
class Outcome:
    """How a target's run ended: what libFuzzer counted, and the input that it stopped at."""

    counted: dict[str, str]
    finding: Path | None
    status: int


def fuzz(name: str, seconds: int, seed: int, *, fresh: bool) -> Outcome:
    """Run one target for so many seconds, or until a finding."""
    target = TARGETS[name]
    findings, logs = KEPT / "findings" / name, KEPT / "logs"
    for folder in (findings, logs):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        seeds = _seeds(target, folder / "seeds", REGRESSIONS / name)
        corpus = folder / "corpus" if fresh else KEPT / "corpus" / name
        corpus.mkdir(parents=True, exist_ok=True)
        options = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-timeout={SECONDS_OF_ONE}",
            f"-rss_limit_mb={MEGABYTES}",
            "-print_final_stats=1",
            f"-artifact_prefix={findings}/",
            *_dictionary(target, folder / "words"),
            str(corpus),
            str(seeds),
        ]
        log = logs / f"{name}.log"
        # Instrumented modules take seconds to load: what is forked for each target has them.
        places = {"seed": seed, "findings": findings, "log": log}
        process = FORKS.Process(target=_start, args=(name, options), kwargs=places)
        process.start()
        process.join()
        text = log.read_text("utf-8", "replace")
    found = sorted(set(findings.iterdir()) - before)
    counted = {
        column: matches[-1] if (matches := pattern.findall(text)) else "-"
        for column, pattern in _STATISTICS.items()
    }
    return Outcome(counted, found[0] if found else None, process.exitcode or 0)


def _start(name: str, options: list[str], **places: Any) -> None:
    from fuzz import engine  # noqa: PLC0415 - instruments what it imports: there, and not here

    engine.fuzz(name, options, **places)


def _seeds(target: Target, folder: Path, regressions: Path) -> Path:
    folder.mkdir()
    for name, data in target.seeds().items():
        (folder / re.sub(r"\W", "-", name)).write_bytes(data)
    if regressions.is_dir():
        for path in regressions.iterdir():
            shutil.copy(path, folder / f"regression-{path.name}")
    return folder


def _dictionary(target: Target, path: Path) -> list[str]:
    words = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in target.words]
    path.write_text("\n".join(words) + "\n")
    return [f"-dict={path}"] if words else []


def main() -> int:
    """Fuzz, and tell; the exit code says whether there were findings."""
    options = parser("Coverage-guided fuzzing of what is read.")
    options.add_argument("--target", nargs="+", type=one_of(TARGETS), help="by default, each")
    options.add_argument("--seconds", type=positive, default=600, help="for each target")
    options.add_argument("--seed", type=positive, help="repeats a run")
    given = options.parse_args()
    names = given.target or list(TARGETS)
    fresh = given.seed is not None
    bad = 0
    print(f"{'target':<26}{'seed':>11}", *(f"{column:>12}" for column in _STATISTICS), flush=True)
    for name in names:
        seed = given.seed if fresh else secrets.randbelow(2**_SEED_BITS - 1) + 1
        print(f"{name:<26}{seed:>11}", end=" ", flush=True)
        outcome = fuzz(name, given.seconds, seed, fresh=fresh)
        print(*(f"{count:>12}" for count in outcome.counted.values()), flush=True)
        if outcome.status or outcome.finding is not None:
            bad += 1
            print(f"  exit {outcome.status}; see .fuzz/logs/{name}.log", flush=True)
        if outcome.finding is not None:
            print(f"  finding: {outcome.finding.relative_to(ROOT)}", flush=True)
    print(f"{len(names)} targets, {bad} with a finding")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
