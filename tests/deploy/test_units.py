"""The systemd units: what systemd says of them, how much they may do, and what they start.

They are not started.
"""

import configparser
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from pages import ROOT

from keyborn.cli import cli

UNITS: Final = ROOT / "deploy" / "systemd"
NAMES: Final = ("ledger", "issuer", "verifier")
PROGRAM: Final = "/opt/keyborn/bin/keyborn"
EXPOSED: Final = 20  # tenths: what systemd calls "OK" ends at 5.0


class _Unit(configparser.RawConfigParser):
    """A unit file: names have their case, and may be there more than once."""

    def __init__(self) -> None:
        super().__init__(strict=False, delimiters=("=",))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(name: str) -> _Unit:
    found = _Unit()
    found.read(UNITS / f"keyborn-{name}.service")
    return found


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The units with this environment's program; systemd looks whether it can be run."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    program = Path(sys.executable).parent / "keyborn"
    for name in NAMES:
        text = (UNITS / f"keyborn-{name}.service").read_text()
        (tmp_path / f"keyborn-{name}.service").write_text(text.replace(PROGRAM, str(program)))
    return tmp_path


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", NAMES)
def test_systemd_has_nothing_to_say(name: str, here: Path) -> None:
    path = here / f"keyborn-{name}.service"
    found = analyze("verify", "--man=no", path)
    assert (found.returncode, ours(found.stderr)) == (0, [])
    path.write_text(
        path.read_text().replace("ProtectHome=yes", "ProtectHome=maybe\nProtektHome=yes")
    )
    assert len(ours(analyze("verify", "--man=no", path).stderr)) == 2


def ours(said: str) -> list[str]:
    """What is said of our units, and not of others that this machine has."""
    return [line for line in said.splitlines() if "keyborn-" in line]


@pytest.mark.parametrize("name", NAMES)
def test_it_may_do_little(name: str, here: Path) -> None:
    path = here / f"keyborn-{name}.service"
    words = ("security", "--offline=true", f"--threshold={EXPOSED}")
    found = analyze(*words, path)
    assert found.returncode == 0, found.stdout + found.stderr
    path.write_text(path.read_text().replace("CapabilityBoundingSet=\n", ""))
    assert analyze(*words, path).returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_what_it_starts_is_a_command_that_takes_its_configuration(
    name: str, tmp_path: Path
) -> None:
    program, *words = shlex.split(unit(name)["Service"]["ExecStart"])
    assert program == PROGRAM
    assert words[:2] == [name, "serve"]
    for needed in ("network.toml", "trust.toml"):
        (tmp_path / needed).write_text("")
    config = tmp_path / "keyborn.toml"
    config.write_text((UNITS / "keyborn.toml").read_text().replace("/etc/keyborn", str(tmp_path)))
    words = [word.replace("/etc/keyborn", str(tmp_path)) for word in words]
    result = CliRunner().invoke(cli, [*words, "--show-config", "--json"])
    assert result.exit_code == 0, result.output
    options = json.loads(result.stdout)["options"]
    state = unit(name)["Service"]["StateDirectory"]
    assert options["dir"]["value"] == f"/var/lib/{state}"


def test_each_is_a_user_of_its_own() -> None:
    made = {
        line.split()[1]
        for line in (UNITS / "sysusers.conf").read_text().splitlines()
        if line.startswith("u ")
    }
    assert {unit(name)["Service"]["User"] for name in NAMES} == made
    assert len(made) == len(NAMES)
