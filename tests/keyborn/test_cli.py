"""Transcripts: a command line, its exit code, and what it says on stdout and stderr."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyborn import faults
from keyborn.cli import main

PACKAGE = '''
import os
import time
from pathlib import Path

import click

from did.errors import Conflict, Invalid, Refused, Unavailable, Undecided
from keyborn.options import Listening, service_options
from keyborn.output import emit, json_option

Path(os.environ["SEEN"]).write_text("imported")

ERRORS = {
    "invalid": Invalid(
        "claim_used", "the code is used", step="token",
        hint="ask for another\\x1b[2J", value="a\\x1bb",
    ),
    "refused": Refused("revoked", "the device is revoked"),
    "undecided": Undecided("log_stale", "the log is old", retry_after=5),
    "conflict": Conflict("exists", "it exists"),
    "unavailable": Unavailable("unreachable", "nobody is there"),
    "denied": PermissionError(13, "Permission denied", "/a/file"),
    "reset": ConnectionResetError(),
    "pipe": BrokenPipeError(32, "Broken pipe"),
    "interrupt": KeyboardInterrupt(),
}


@click.group()
def sample() -> None:
    """Sample of a package's commands.

    More about it.
    """


@sample.command()
@click.argument("name")
@json_option
def fail(name: str, *, as_json: bool) -> None:
    """Fail."""
    raise ERRORS[name]


@sample.command()
@click.option("--name", required=True)
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Show."""
    emit({"name": name}, as_json=as_json, human=f"name is {name}")


@sample.command()
@service_options(port=8100)
def serve(*, listening: Listening) -> None:
    """Serve."""
    where = f"{listening.host} {listening.port} {listening.ready_file}"
    emit(None, as_json=False, human=where)
'''
ENTRY_POINTS = """
[keyborn.commands]
sample = sample_package.cli:sample
bare = sample_package.cli:bare
gone = sample_package.gone:gone
native = itertools:chain
"""


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed distribution with commands; the file tells whether it was imported."""
    package = tmp_path / "sample_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(PACKAGE)
    metadata = tmp_path / "sample-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = tmp_path / "seen"
    monkeypatch.setenv("SEEN", str(seen))
    yield seen
    for name in [name for name in sys.modules if name.startswith("sample_package")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("args", "code", "out", "err"),
    [
        (
            "fail invalid",
            1,
            "",
            (
                "keyborn: token: the code is used\n"
                "  why:  claim_used, got 'a\\x1bb'\n"
                "  next: ask for another\\u001b[2J\n"
            ),
        ),
        (
            "show --json",
            2,
            "",
            (
                '{"error":{"code":"usage","message":"Missing option \'--name\'.",'
                '"step":"read the command line","hint":"see keyborn sample show --help",'
                '"value":null,"retry_after":null}}\n'
            ),
        ),
        ("fail refused", 1, "", "keyborn: the device is revoked\n  why:  revoked\n"),
        ("fail conflict", 1, "", "keyborn: it exists\n  why:  exists\n"),
        (
            "fail undecided",
            3,
            "",
            "keyborn: the log is old\n  why:  log_stale\n  retry in 5 s\n",
        ),
        ("fail unavailable", 3, "", "keyborn: nobody is there\n  why:  unreachable\n"),
        (
            "fail denied",
            3,
            "",
            (
                "keyborn: permission denied\n"
                "  why:  eacces, got '/a/file'\n"
                "  next: check that it exists and that you may use it\n"
            ),
        ),
        ("fail reset", 3, "", "keyborn: connectionreseterror\n  why:  oserror\n"),
        ("fail pipe", 1, "", ""),
        ("fail interrupt", 130, "", "keyborn: interrupted\n"),
        ("show --name x", 0, "name is x\n", ""),
        ("show --name x --json", 0, '{\n  "name": "x"\n}\n', ""),
        ("serve", 0, "127.0.0.1 8100 None\n", ""),
        (
            "serve --host ::1 --port 0 --ready-file r --log-json",
            0,
            "::1 0 r\n",
            "",
        ),
        (
            "show",
            2,
            "",
            (
                "Usage: keyborn sample show [OPTIONS]\n"
                "Try 'keyborn sample show --help' for help.\n\n"
                "Error: Missing option '--name'.\n"
            ),
        ),
    ],
)
@pytest.mark.usefixtures("seen")
def test_transcript(
    args: str, code: int, out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sample", *args.split()])
    assert (ended.value.code, *capsys.readouterr()) == (code, out, err)


@pytest.mark.usefixtures("seen")
def test_an_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sample", "fail", "invalid", "--json"])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (1, "")
    assert err.count("\n") == 1
    assert json.loads(err) == {
        "error": {
            "code": "claim_used",
            "message": "the code is used",
            "step": "token",
            "hint": "ask for another\x1b[2J",
            "value": "'a\\x1bb'",
            "retry_after": None,
        }
    }
    with pytest.raises(SystemExit):
        main(["sample", "fail", "denied", "--json"])
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "eacces"


@pytest.mark.usefixtures("seen")
def test_options_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYBORN_SAMPLE_SHOW_NAME", "env")
    monkeypatch.setenv("KEYBORN_SAMPLE_SERVE_PORT", "9")
    for unrelated in ("KEYBORN_VERSION", "KEYBORN_HELP"):
        monkeypatch.setenv(unrelated, "1")
    with pytest.raises(SystemExit):
        main(["sample", "show"])
    with pytest.raises(SystemExit):
        main(["sample", "serve"])
    assert capsys.readouterr().out == "name is env\n127.0.0.1 9 None\n"


def test_listing_commands_imports_none(seen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert re.search(r"sample +Sample of a package's commands\.\n", out)
    assert {line.strip() for line in out.splitlines()} >= {"bare", "gone", "native"}
    assert not seen.exists()
    with pytest.raises(SystemExit):
        main(["sample", "--help"])
    assert "Usage: keyborn sample" in capsys.readouterr().out
    assert seen.exists()


def test_an_argument_that_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["resolve", os.fsdecode(b"did:\x80"), "--json"])
    assert ended.value.code == 2
    assert "an argument is not UTF-8: 'did:\\udc80'" in capsys.readouterr().err


def test_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nosuch"])
    assert ended.value.code == 2
    assert "No such command 'nosuch'" in capsys.readouterr().err


def test_completion_knows_the_commands(
    seen: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_KEYBORN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "keyborn samp")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out == "plain,sample\n"
    assert seen.exists()


def test_the_command_starts_light() -> None:
    heavy = "{'web3', 'fastapi', 'starlette', 'uvicorn', 'httpx', 'sqlalchemy', 'pydantic'}"
    code = (
        "import sys, keyborn.cli\n"
        "try: keyborn.cli.main(['--help'])\n"
        f"except SystemExit: print(sorted({heavy} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


def test_the_installed_command_says_its_version() -> None:
    keyborn = Path(sys.executable).with_name("keyborn")
    done = subprocess.run([keyborn, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("keyborn, version 0.1.0\n", "")


def test_faults_are_armed_from_the_environment() -> None:
    keyborn = Path(sys.executable).with_name("keyborn")
    done = subprocess.run(
        [keyborn, "nosuch"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KEYBORN_FAULTS": "a.b"},
    )
    assert done.returncode == 2
    assert "FAULT INJECTION: armed" in done.stderr
    assert "a.b is no fault point of what ran; known: none" in done.stderr


def test_malformed_faults_are_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYBORN_FAULTS", "nonsense")
    with pytest.raises(SystemExit) as ended:
        main(["nosuch"])
    assert ended.value.code == 1
    assert "invalid_faults" in capsys.readouterr().err
    assert not faults._armed
