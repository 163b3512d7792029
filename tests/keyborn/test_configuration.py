"""What a service is told: command line over environment over file over default, read strictly."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from keyborn.cli import cli
from keyborn.configuration import MAX_BYTES
from keyborn.masking import mask

WHOLE = """
[issuer]
dir = "state/issuer"
network = "network.toml"
port = 1
status_ttl = 60
status_message = ["in repair", "recalled"]
trusted_proxy = ["192.0.2.1"]
vc_api = true
store = "postgresql://issuer:s3cret@db.example/keyborn"

[verifier]
dir = "/verifier"
port = 3

[ledger]
dir = "ledger"
max_fee_gwei = 1
batch_time = 0.5
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder with a configuration, and the network file that it names."""
    (tmp_path / "network.toml").write_text("")
    (tmp_path / "keyborn.toml").write_text(WHOLE)
    return tmp_path


def run(*words: str | Path, **env: str) -> Result:
    return CliRunner(env=env).invoke(cli, [str(word) for word in words], prog_name="keyborn")


def effective(*words: str | Path, service: str = "issuer", **env: str) -> dict[str, Any]:
    result = run(service, "serve", "--show-config", "--json", *words, **env)
    assert result.exit_code == 0, result.output
    options: dict[str, Any] = json.loads(result.stdout)["options"]
    return options


def refusal(path: Path, text: str, service: str = "ledger") -> dict[str, str]:
    """The error, as JSON, that a service gives instead of starting."""
    path.write_text(text)
    result = run(service, "serve", "--config", path, "--dir", path.parent, "--json")
    assert result.exit_code == 1, result.output
    error: dict[str, str] = json.loads(result.stderr)["error"]
    assert error["step"] == f"read {path}"
    return error


def test_the_command_line_goes_before_the_environment_the_file_and_the_default(host: Path) -> None:
    path = host / "keyborn.toml"
    port = "KEYBORN_ISSUER_SERVE_PORT"
    assert effective("--config", path, "--port", "4", **{port: "2"})["port"] == {
        "value": 4,
        "from": "command line",
    }
    assert effective("--config", path, **{port: "2"})["port"] == {
        "value": 2,
        "from": f"environment {port}",
    }
    found = effective("--config", path)
    assert found["port"] == {"value": 1, "from": f"file {path}"}
    assert found["host"] == {"value": "127.0.0.1", "from": "default"}
    assert found["approval_interval"] == {"value": 5, "from": "default"}


def test_one_file_configures_every_service(host: Path) -> None:
    path = host / "keyborn.toml"
    found = effective(KEYBORN_CONFIG=str(path))
    assert {name: each["value"] for name, each in found.items() if "file" in each["from"]} == {
        "dir": str(host / "state" / "issuer"),
        "network": str(host / "network.toml"),
        "port": 1,
        "status_ttl": 60,
        "status_message": ["in repair", "recalled"],
        "trusted_proxy": ["192.0.2.1"],
        "vc_api": True,
        "store": "postgresql://issuer:***@db.example/keyborn",
    }
    ledger = effective("--config", path, service="ledger")
    assert (ledger["max_fee_gwei"]["value"], ledger["batch_time"]["value"]) == (1.0, 0.5)
    assert ledger["port"]["from"] == "default"
    verifier = effective("--config", path, "--trust", path, service="verifier")
    assert (verifier["dir"]["value"], verifier["port"]["value"]) == ("/verifier", 3)


def test_an_option_has_its_own_name_in_the_environment_too(host: Path) -> None:
    """Where the code calls it otherwise; several values are on a line each, and may hold spaces."""
    found = effective(
        KEYBORN_ISSUER_SERVE_DIR="there",
        KEYBORN_ISSUER_SERVE_NETWORK=str(host / "network.toml"),
        KEYBORN_ISSUER_SERVE_STATUS_MESSAGE="in repair\nrecalled\n",
        KEYBORN_ISSUER_SERVE_VC_API="true",
    )
    assert found["dir"] == {"value": "there", "from": "environment KEYBORN_ISSUER_SERVE_DIR"}
    assert found["status_message"]["value"] == ["in repair", "recalled"]
    assert found["vc_api"]["value"] is True


def test_what_is_in_effect_is_what_a_service_gets(host: Path) -> None:
    path = host / "keyborn.toml"
    path.write_text('[issuer]\ndir = "d"\nnetwork = "network.toml"\nstatus_ttl = 7\n')
    result = run("issuer", "serve", "--config", path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stderr)["error"]["code"] == "invalid_network"


def test_people_see_a_line_for_each_and_no_secret(host: Path) -> None:
    result = run(
        *("issuer", "serve", "--show-config", "--config", host / "keyborn.toml"),
        KEYBORN_REGISTRAR_KEY="0x5ec2e7",
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"^status_ttl +60 +file /", result.stdout, re.MULTILINE)
    assert re.search(r"^KEYBORN_REGISTRAR_KEY +\*\*\* +environment", result.stdout, re.MULTILINE)
    assert "s3cret" not in result.output
    assert "5ec2e7" not in result.output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://a:b@c/d", "postgresql://a:***@c/d"),
        ("https://a:b@c/d", "https://a:***@c/d"),
        ("https://c/d?x=1&api_key=2&y=3", "https://c/d?x=1&api_key=***&y=3"),
        ("did:web:c:d", "did:web:c:d"),
        ("http://[::1]:80/a@b:c", "http://[::1]:80/a@b:c"),
        ("redis://:a/b@c/0", "redis://:***@c/0"),
        ("redis://:a?b#c d@e@f/0", "redis://:***@f/0"),
    ],
)
def test_what_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_a_store_that_is_no_url_shows_its_beginning_alone(host: Path) -> None:
    words = ("--dir", host, "--network", host / "network.toml")
    found = effective(*words, "--store", "postgresql://a:pass/word@h/d?password=x")
    assert found["store"]["value"] == "postgresql://***"


@pytest.mark.parametrize(
    ("text", "says", "then"),
    [
        ("[ledger]\nprot = 1", "ledger.'prot' is no option", "did you mean port?"),
        ("[ledger]\nbatch-size = 1", "ledger.'batch-size' is no option", "mean batch_size?"),
        ("[ledger]\nconfig = 'x'", "ledger.'config' is no option", "keyborn ledger serve --help"),
        ("[ledger]\nport = '1'", "ledger.port is not a whole number", "configure.md"),
        ("[ledger]\nport = true", "ledger.port is not a whole number", "configure.md"),
        ("[ledger]\nport = 70000", "ledger.port: 70000 is not in the range", "configure.md"),
        ("[ledger]\ndid_web = 1", "ledger.did_web is not true or false", "configure.md"),
        ("[ledger]\nmax_fee_gwei = nan", "ledger.max_fee_gwei is not a number", "configure.md"),
        ("[ledger]\nhost = ''", "ledger.host is not a string", "configure.md"),
        ("[ledger]\ntrusted_proxy = 'a'", "ledger.trusted_proxy is not a list", "configure.md"),
        ("[ledger]\ntrusted_proxy = [1]", "ledger.trusted_proxy is not a string", "configure.md"),
        ("[ledger]\nnetwork = 'gone'", "ledger.network: File", "configure.md"),
        ("port = 1", "'port' is no table of a service", "[issuer], [verifier] or [ledger]"),
        ("ledger = 1", "'ledger' stands outside of a table", "[ledger]"),
        ("[store]\na = 1", "'store' is no table of a service", "[issuer]"),
        ("[issuer]\nprot = 1", "issuer.'prot' is no option", "did you mean port?"),
        ("[issuer]\nport = 1.5", "issuer.port is not a whole number", "configure.md"),
    ],
)
def test_what_is_wrong_is_refused_with_its_key(
    text: str, says: str, then: str, tmp_path: Path
) -> None:
    error = refusal(tmp_path / "keyborn.toml", text)
    assert error["code"] == "invalid_settings"
    assert says in error["message"]
    assert then in error["hint"]


def test_a_key_twice_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path / "keyborn.toml", "[ledger]\nport = 1\nport = 2\n")
    assert error["code"] == "invalid_toml"
    assert "overwrite" in error["message"]


def test_what_is_too_long_or_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyborn.toml"
    assert f"more than {MAX_BYTES} bytes" in refusal(path, "#" * (MAX_BYTES + 1))["message"]
    path.write_bytes(b"# \xff")
    result = run("ledger", "serve", "--config", path)
    assert "it is not UTF-8" in result.output


def test_the_values_of_another_service_are_its_own_business(tmp_path: Path) -> None:
    """It may run as somebody else, who can read what this one cannot."""
    path = tmp_path / "keyborn.toml"
    path.write_text('[issuer]\nnetwork = "gone.toml"\n')
    assert effective("--config", path, "--dir", tmp_path, service="ledger")


def test_a_variable_that_is_no_option_is_refused(tmp_path: Path) -> None:
    result = run("ledger", "serve", "--dir", tmp_path, KEYBORN_LEDGER_SERVE_PROT="1")
    assert result.exit_code == 1
    assert "KEYBORN_LEDGER_SERVE_PROT in the environment is no option" in result.output
    assert "did you mean KEYBORN_LEDGER_SERVE_PORT?" in result.output


def test_a_file_that_is_missing_is_wrong_usage(tmp_path: Path) -> None:
    result = run("ledger", "serve", "--config", tmp_path / "gone")
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_help_reads_no_file(tmp_path: Path) -> None:
    result = run("ledger", "serve", "--help", "--config", tmp_path / "gone")
    assert result.exit_code == 0
