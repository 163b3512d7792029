"""The container file and the compose file: their syntax, what they name, and what they start.

No container is run. The commands of the compose file are, as processes of this machine.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner
from databases import Server
from dockerfile_parse import DockerfileParser
from pages import ROOT
from ports import free_port

from keyborn.cli import cli
from keyborn.polling import poll
from ledger.ethereum.anvil import find_anvil

DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]
SPECIFICATION: Final = ROOT / "tests" / "vectors" / "compose-spec.json"
KNOWN: Final = {
    *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "ENTRYPOINT", "CMD", "HEALTHCHECK"),
    "COMMENT",
}
SECONDS: Final = 90


def instructions() -> list[dict[str, Any]]:
    parser = DockerfileParser(fileobj=BytesIO((DEPLOY / "Containerfile").read_bytes()))
    found: list[dict[str, Any]] = parser.structure
    return found


def test_the_container_file_is_made_of_known_instructions_and_stages() -> None:
    stages: list[str] = []
    for each in instructions():
        assert each["instruction"] in KNOWN, each
        if each["instruction"] == "FROM":
            image, _, name = each["value"].partition(" AS ")
            assert image in (*stages, "python:3.11-slim", "node:22-slim")
            assert name
            stages.append(name)
        if each["instruction"] == "COPY" and "--from=" in each["value"]:
            assert each["value"].split()[0].removeprefix("--from=") in stages[:-1]
        if each["instruction"] in ("ENTRYPOINT", "CMD"):
            assert json.loads(each["value"])
    targets = {each["build"]["target"] for each in SERVICES.values() if "build" in each}
    assert targets <= {*stages}
    assert stages[-1] == "service"


def test_what_it_copies_is_there_and_not_ignored() -> None:
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    for each in instructions():
        if each["instruction"] == "COPY" and "--from=" not in each["value"]:
            *sources, _ = each["value"].split()
            for source in sources:
                assert (ROOT / source).exists(), source
                assert f"!{Path(source).parts[0]}" in ignored
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    copied = {each["value"].split()[0] for each in instructions() if each["instruction"] == "COPY"}
    assert set(wheel["targets"]["wheel"]["packages"]) <= copied


def test_it_runs_as_nobody_in_particular_and_says_whether_it_is_well() -> None:
    found = [each for each in instructions() if each["instruction"] in ("USER", "HEALTHCHECK")]
    assert [each["instruction"] for each in found] == ["USER", "HEALTHCHECK"]
    assert found[0]["value"] == "10001:10001"
    assert "/opt/keyborn/health.py" in found[1]["value"]


def test_its_shell_is_shell() -> None:
    for each in instructions():
        if each["instruction"] == "RUN":
            subprocess.run(["sh", "-n", "-c", each["value"]], check=True)
    subprocess.run(["sh", "-n", DEPLOY / "trust.sh"], check=True)


def test_it_installs_what_is_locked_and_no_more_than_services_need() -> None:
    for each in instructions():
        for command in re.findall(r"pip install ([^&]*)", each["value"]):
            assert "--require-hashes" in command or "--no-index" in command
    whole, services = (
        pins(ROOT / name) for name in ("requirements.lock", "deploy/requirements.lock")
    )
    assert services.items() < whole.items()
    assert not {"pytest", "mypy", "hypothesis"} & services.keys()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[>=]", each)[0] for each in project["dependencies"]}
    assert needed <= {re.sub(r"\[.*", "", name) for name in services}


def pins(path: Path) -> dict[str, str]:
    """What a lock has: names, and versions."""
    return dict(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^ ;]+)", path.read_text(), re.MULTILINE))


def test_the_compose_file_is_as_the_specification_has_it() -> None:
    schema = json.loads(SPECIFICATION.read_text())
    validator = jsonschema_rs.validator_for(schema)
    assert not validator.is_valid({"services": {"a": {"comand": ["x"]}}})
    assert [each.message for each in validator.iter_errors(COMPOSE)] == []


def test_what_its_services_refer_to_is_there() -> None:
    ports = []
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            condition = how["condition"]
            if condition == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"]
            else:
                assert condition == "service_completed_successfully"
                assert SERVICES[other]["restart"] == "no"
        mode = service.get("network_mode", "service:devnet")
        assert mode.removeprefix("service:") in SERVICES
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            there = (
                (DEPLOY / source).exists()
                if source.startswith(".")
                else source in COMPOSE["volumes"]
            )
            assert there, volume
        if "build" in service:
            assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
            assert (ROOT / service["build"]["dockerfile"]).exists()
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
        ports += service.get("ports", [])
    assert all(each.startswith("127.0.0.1:") for each in ports)
    images = {service["image"] for service in SERVICES.values()}
    assert images == {"postgres:15", "keyborn", "keyborn-devnet"}


@pytest.mark.parametrize("service", ["ledger", "issuer", "verifier"])
def test_the_configuration_is_one_that_each_service_takes(service: str, tmp_path: Path) -> None:
    """All but that the files which it names are not here."""
    text = (DEPLOY / "keyborn.toml").read_text()
    for name in ("devnet/network.toml", "ledger/network.toml", "devnet/key", "verifier/trust.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    config = tmp_path / "keyborn.toml"
    config.write_text(text.replace("/var/lib/keyborn", str(tmp_path)))
    words = (*SERVICES[service]["command"], "--show-config", "--json")
    result = CliRunner(env={"KEYBORN_CONFIG": str(config)}).invoke(cli, words)
    assert result.exit_code == 0, result.output
    options = json.loads(result.stdout)["options"]
    assert options["port"]["value"] == tomllib.loads(text)[service]["port"]
    assert options["dir"]["value"] == str(tmp_path / service)


class Containers:
    """The compose file's services as processes: folders for volumes, free ports for its ports."""

    def __init__(self, folder: Path, server: Server, programs: Path) -> None:
        self.folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir()
        database = server.empty().partition("?host=")
        self._replaced = {
            "postgresql://keyborn@postgres/keyborn": "".join(database),
            "/usr/local/bin/anvil": str(find_anvil()),
            "/etc/keyborn": str(folder / "etc"),
            "/var/lib/keyborn": str(folder / "state"),
            "/opt/keyborn/health.py": str(DEPLOY / "health.py"),
            "/tmp/ready": str(folder / "ready"),
            "0.0.0.0": "127.0.0.1",
            **{str(port): str(free_port()) for port in (8101, 8102, 8103)},
        }
        self._node_port = str(free_port())
        volumes = [f"state/{name}" for name in COMPOSE["volumes"]]
        for place in ("etc", "state", *volumes):  # the last as the image has them
            (folder / place).mkdir(mode=0o700)
        for name in ("keyborn.toml", "trust.sh"):
            (folder / "etc" / name).write_text(self.here((DEPLOY / name).read_text()))
        self._env = {
            **os.environ,
            "KEYBORN_CONFIG": str(folder / "etc" / "keyborn.toml"),
            "PATH": f"{programs}:{os.environ['PATH']}",
        }

    def here(self, text: str) -> str:
        """What stands for ``text`` on this machine."""
        for name, value in self._replaced.items():
            text = text.replace(name, value)
        return text

    @contextmanager
    def up(self) -> Iterator[None]:
        """All of them, in their order, each when those before it are well."""
        with ExitStack() as stack:
            for name in in_order():
                service = SERVICES[name]
                words = self._words(service)
                if name == "devnet":
                    words += ["--port", self._node_port]
                log = stack.enter_context((self._logs / name).open("w"))
                process = subprocess.Popen(words, env=self._env, stdout=log, stderr=log)
                stack.callback(self._stop, process)
                if service["restart"] == "no":
                    assert process.wait(SECONDS) == 0, self._said(name)
                else:
                    test = [self.here(word) for word in service["healthcheck"]["test"][1:]]
                    well = poll(lambda test=test: self._is_well(test) or None, SECONDS)  # type: ignore[misc] # a default
                    assert well, self._said(name)
            yield

    def keyborn(self, *words: str) -> Any:
        """What a command of the image prints, in the place where it would be run."""
        done = subprocess.run(
            ["keyborn", *map(self.here, words), "--json"],
            env=self._env,
            check=True,
            capture_output=True,
            text=True,
            cwd=self.folder,
        )
        return json.loads(done.stdout)

    def _words(self, service: dict[str, Any]) -> list[str]:
        words = [*service.get("entrypoint", ["keyborn"]), *service["command"]]
        return [self.here(word) for word in words]

    def _is_well(self, test: list[str]) -> bool:
        return subprocess.run(test, env=self._env, check=False).returncode == 0

    def _said(self, name: str) -> str:
        return (self._logs / name).read_text()

    def _stop(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            process.terminate()
            assert process.wait(SECONDS) == 0


def in_order() -> list[str]:
    """The services but for PostgreSQL, each after those that it depends on."""
    found = ["postgres"]
    while len(found) < len(SERVICES):
        ready = [
            name
            for name, service in SERVICES.items()
            if name not in found and set(service.get("depends_on", {})) <= {*found}
        ]
        assert ready, "some depend on each other"
        found += ready
    return found[1:]


@pytest.mark.e2e
@pytest.mark.ethereum
@pytest.mark.npm
def test_what_it_starts_works_together(server: Server, tmp_path: Path) -> None:
    """Its very commands, configuration, order and health checks; a device goes through it all."""
    containers = Containers(tmp_path, server, Path(sys.executable).parent)
    keyborn = containers.keyborn
    with containers.up():
        network = "/var/lib/keyborn/ledger/network.toml"
        words = ("issuer", "claim", "create", "--dir", "/var/lib/keyborn/issuer")
        offer = keyborn(*words, *shlex.split("--model m --owner o"))["offer"]
        keyborn("device", "init", "--dir", "device")
        keyborn("device", "enroll", offer, "--dir", "device", "--network", network)
        keyborn("device", "register", "--dir", "device", "--network", network)
        verifier = ("--verifier", "http://127.0.0.1:8103")
        admitted = keyborn("device", "present", "--dir", "device", *verifier)
        assert admitted["decision"]["outcome"] == "accepted"


def test_a_health_check_fails_where_nobody_answers() -> None:
    url = f"http://127.0.0.1:{free_port()}/health"
    done = subprocess.run([sys.executable, DEPLOY / "health.py", url], check=False)
    assert done.returncode == 1
    assert shutil.which("sh")
