import atexit
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from did.errors import Invalid
from keyborn import faults
from keyborn.faults import FaultPoint, arm

PASS_TWICE = """
import sys
from keyborn import faults
point = faults.FaultPoint("test.step.after_commit")
faults.FaultPoint("test.other.before_commit").reached()
faults.arm(sys.argv[1])
faults.FaultPoint("test.other.before_commit").reached()
for n in (1, 2, 3):
    print(n, flush=True)
    point.reached()
"""


def run(faults: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PASS_TWICE, faults],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("faults", "code", "out", "said"),
    [
        ("", 0, "1\n2\n3\n", []),
        ("test.step.after_commit", -9, "1\n", ["armed", "killing this process"]),
        ("test.step.after_commit:2", -9, "1\n2\n", ["armed", "killing this process"]),
        ("test.step.after_commit:9", 0, "1\n2\n3\n", ["armed", "not reached; 6 to go"]),
        ("test.step.misspelt", 0, "1\n2\n3\n", ["armed", "is no fault point"]),
        ("test.step.misspelt, test.other.before_commit", -9, "", ["armed", "killing this process"]),
    ],
)
def test_a_process_dies_at_the_nth_passage(
    faults: str, code: int, out: str, said: list[str]
) -> None:
    returned, stdout, stderr = run(faults)
    assert (returned, stdout) == (code, out)
    lines = stderr.splitlines()
    assert len(lines) == len(said)
    assert all(text in line for text, line in zip(said, lines, strict=True))


@pytest.mark.parametrize("faults", ["x", "a.b:0", "a.b:x", "a.b,", "A.b", "a.b:1:2"])
def test_a_malformed_list_is_refused(faults: str) -> None:
    with pytest.raises(Invalid, match="invalid_faults"):
        arm(faults)


def test_unarmed_points_do_nothing() -> None:
    FaultPoint("test.unarmed").reached()


def test_the_same_in_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *call: killed.append(call))
    point = FaultPoint("test.here.after_commit")
    try:
        arm("test.here.after_commit:2,test.there.misspelt")
        point.reached()
        faults._report_unreached()
        assert not killed
        point.reached()
        assert killed == [(os.getpid(), signal.SIGKILL)]
        FaultPoint("test.elsewhere.after_commit").reached()
        faults._report_unreached()
        assert len(killed) == 1
    finally:
        faults._armed.clear()
        atexit.unregister(faults._report_unreached)
    err = capsys.readouterr().err
    assert err.count("test.here.after_commit was not reached; 1 to go") == 1
    assert err.count("test.there.misspelt is no fault point") == 2


def test_a_file_arms_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *call: killed.append(call))
    point, other = FaultPoint("test.file.one"), FaultPoint("test.file.other")
    file = tmp_path / "faults"
    file.write_text("")
    try:
        arm(f"@{file}")
        point.reached()
        file.write_text("test.file.other,test.file.one:2")
        for times in (0, 1, 1):
            point.reached()
            assert len(killed) == times
        file.write_text("")
        other.reached()
        assert len(killed) == 1
        file.write_text("nonsense")
        with pytest.raises(Invalid, match="invalid_faults"):
            other.reached()
    finally:
        faults._armed.clear()
        faults._file.clear()
        atexit.unregister(faults._report_unreached)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    try:
        with pytest.raises(FileNotFoundError):
            arm(f"@{tmp_path / 'faults'}")
    finally:
        faults._file.clear()
