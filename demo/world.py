"""The cast: a ledger, issuers, verifiers and devices, driven by commands and HTTP only."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.stage import Outcome, Stage, post


@dataclass(frozen=True, slots=True)
class Issuer:
    """A running issuer: its folder (with the administration token), URL and DID."""

    folder: Path
    url: str
    did: str


@dataclass(frozen=True, slots=True)
class Gate:
    """A running verifier service and its trust root."""

    url: str
    trust: Path


class World:
    """Everybody who plays a part, on one ledger."""

    def __init__(self, stage: Stage, ledger: str) -> None:
        self.stage = stage
        self.network = stage.folder / "network.toml"
        if ledger == "ethereum":
            chain = stage.folder / "devnet"
            stage.serve("devnet", "ledger", "devnet", "--dir", str(chain))
            source = ["--network", str(chain / "network.toml"), "--key-file", str(chain / "key")]
        else:
            source = []
        stage.serve(
            "ledger",
            *("ledger", "serve", "--dir", str(stage.folder / "ledger"), "--port", "0", *source),
            *("--network-out", str(self.network)),
        )

    def issuer(self, name: str) -> Issuer:
        """Start an issuer that the world has not seen before."""
        folder = self.stage.folder / name
        url = self.stage.serve(
            name,
            *("issuer", "serve", "--dir", str(folder), "--network", str(self.network)),
            *("--port", "0", "--status-ttl", "60"),
        )
        info = self.stage.must("issuer", "info", "--dir", folder, "--url", url)
        return Issuer(folder, url, str(info["did"]))

    def gate(self, name: str, issuer: Issuer, compromised: str | None = None) -> Gate:
        """Start a verifier that trusts ``issuer``, and perhaps not one of its former keys."""
        trust = self.stage.folder / f"{name}.toml"
        self.stage.must(
            *("verifier", "trust", "--network", self.network, "--out", trust),
            *("--issuer", issuer.did, "--status-url", f"{issuer.url}/v1/status/"),
            *("--max-status-age", "0"),
            *(("--compromised-key", compromised) if compromised else ()),
        )
        url = self.stage.serve(
            name,
            *("verifier", "serve", "--trust", str(trust), "--port", "0"),
            *("--dir", str(self.stage.folder / name)),
        )
        return Gate(url, trust)

    def claim(self, issuer: Issuer, **facts: str) -> str:
        """Have the issuer's operator make a claim; returns the offer to hand to a device."""
        options = [f"--{name}={value}" for name, value in facts.items()]
        claim = self.stage.must(
            "issuer", "claim", "create", "--dir", issuer.folder, "--url", issuer.url, *options
        )
        return str(claim["offer"])

    def device(self, name: str) -> "Device":
        """A device that has not been switched on yet."""
        return Device(self, name, self.stage.folder / "devices" / name)


@dataclass(frozen=True, slots=True)
class Device:
    """A device: a folder that only its own commands touch."""

    world: World
    name: str
    folder: Path

    def run(self, command: str, *arguments: str | Path) -> Outcome:
        """Run ``keyborn device <command>`` on this device."""
        return self.world.stage.run("device", command, "--dir", self.folder, *arguments)

    def must(self, command: str, *arguments: str | Path) -> dict[str, Any]:
        """As ``run``, where nothing else can follow if it fails."""
        return self.world.stage.must("device", command, "--dir", self.folder, *arguments)

    def born(self) -> "Device":
        """Make its keys and its DID, offline."""
        self.must("init")
        return self

    def enrol(self, issuer: Issuer, **facts: str) -> Outcome:
        """Be claimed by the issuer's operator and provisioned by the issuer."""
        offer = self.world.claim(issuer, **facts)
        return self.run("enroll", offer, "--network", self.world.network)

    def register(self) -> Outcome:
        """Put its DID on the ledger."""
        return self.run("register", "--network", self.world.network)

    def present(self, gate: Gate, credential: Path | None = None) -> Outcome:
        """Be challenged by a verifier and answer."""
        extra = ("--credential", credential) if credential else ()
        return self.run("present", "--verifier", gate.url, *extra)

    def answer(self, asking: Gate, name: str) -> Path:
        """A presentation for a challenge of ``asking``, kept in a file instead of being sent."""
        challenge, answer = self.folder / f"{name}.challenge", self.folder / f"{name}.json"
        challenge.write_text(json.dumps(post(f"{asking.url}/v1/challenges").data))
        self.must("present", "--challenge", challenge, "--out", answer)
        return answer

    def credential(self) -> Path:
        """Where its provisioning credential stands, as ``device show`` says."""
        return Path(str(self.must("show")["credentials"][0]["file"]))

    def clone(self, name: str) -> "Device":
        """A thief's copy of everything on the device, as it is now."""
        copy = Device(self.world, name, self.folder.with_name(name))
        shutil.copytree(self.folder, copy.folder)
        return copy


def send(gate: Gate, presentation: Path) -> Outcome:
    """Send a kept presentation to a verifier, as anybody could."""
    return post(f"{gate.url}/v1/presentations", presentation.read_bytes())
